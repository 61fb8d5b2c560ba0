//! The source under construction: indented lines, hoisted declarations, arguments, temporary names.

use super::Argument;

/// Stands, until all arguments are known, for a line that only some sources need.
const AFRESH: &str = "\u{1}";

/// Collects the source of a kernel's body and the arguments it asked for.
#[derive(Default)]
pub(super) struct Writer {
    lines: String,
    depth: usize,
    /// Declarations of the row scope, written before the first line of a row.
    declarations: Vec<String>,
    arguments: Vec<Argument>,
    temporaries: usize,
}

impl Writer {
    /// Adds a line at the current depth.
    pub(super) fn line(&mut self, code: impl AsRef<str>) {
        for _ in 0..self.depth {
            self.lines.push_str("  ");
        }
        self.lines.push_str(code.as_ref());
        self.lines.push('\n');
    }

    /// Adds a comment; nothing where there is nothing to say.
    pub(super) fn comment(&mut self, sql: &str) {
        if !sql.is_empty() {
            self.line(format!("// {sql}"));
        }
    }

    /// Adds a line that opens a block.
    pub(super) fn open(&mut self, code: impl AsRef<str>) {
        self.line(code);
        self.depth += 1;
    }

    /// Closes the block opened last.
    pub(super) fn close(&mut self, code: impl AsRef<str>) {
        self.depth -= 1;
        self.line(code);
    }

    /// Goes one level deeper, or back, where the line that says so is written elsewhere.
    pub(super) fn enter(&mut self) {
        self.depth += 1;
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Declares a variable of the row scope, visible to all later stages of the row.
    pub(super) fn declare(&mut self, c_type: &str, name: &str) {
        let value = if c_type == "bool" { "false" } else { "0" };
        let declaration = format!("{c_type} {name} = {value};");
        // A register that is loaded in several branches is one variable.
        if !self.declarations.contains(&declaration) {
            self.declarations.push(declaration);
        }
    }

    /// From here to the end of the block, arguments behind an address are read where they are used: thousands of them
    /// read ahead of a loop would have no registers.
    pub(super) fn arguments_afresh(&mut self) {
        self.line(AFRESH);
    }

    /// A new name for an intermediate value.
    pub(super) fn temporary(&mut self) -> String {
        self.temporaries += 1;
        format!("t{}", self.temporaries)
    }

    /// The field that holds an argument; the same argument asked for twice is passed once.
    pub(super) fn argument(&mut self, argument: Argument) -> String {
        let known =
            self.arguments.iter().position(|known| *known == argument && !matches!(argument, Argument::Word(_)));
        let position = known.unwrap_or_else(|| {
            self.arguments.push(argument);
            self.arguments.len() - 1
        });
        format!("p.{}", argument.declaration(position).1)
    }

    /// A point to return to: what is written between `mark` and `take_since` can be moved.
    pub(super) fn mark(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn take_since(&mut self, mark: usize) -> String {
        self.lines.split_off(mark)
    }

    pub(super) fn append(&mut self, code: &str) {
        self.lines.push_str(code);
    }

    /// Adds source taken before, one level deeper.
    pub(super) fn append_indented(&mut self, code: &str) {
        for line in code.lines() {
            self.lines.push_str("  ");
            self.lines.push_str(line);
            self.lines.push('\n');
        }
    }

    /// Writes and forgets the declarations collected so far.
    pub(super) fn flush_declarations(&mut self) {
        for declaration in std::mem::take(&mut self.declarations) {
            self.line(declaration);
        }
    }

    /// The whole translation unit.
    pub(super) fn finish(self, entry: &str) -> (String, Vec<Argument>) {
        let direct = self.arguments.len() <= super::ARGUMENTS_MAX;
        let mut code = format!("struct {} {{\n", if direct { "Params" } else { "Arguments" });
        for (position, argument) in self.arguments.iter().enumerate() {
            let (c_type, name) = argument.declaration(position);
            code.push_str(&format!("  {c_type} {name};\n"));
        }
        code.push_str("};\n\n");
        if direct {
            code.push_str(&format!("MAAR_KERNEL({entry}, Params, p) {{\n"));
        } else {
            code.push_str("// More arguments than a launch takes: it takes their address.\n");
            code.push_str("struct Params { const Arguments* arguments; };\n\n");
            code.push_str(&format!("MAAR_KERNEL({entry}, Params, params) {{\n"));
            code.push_str("  const Arguments& p = *params.arguments;\n");
        }
        for line in self.lines.split_inclusive('\n') {
            match line.strip_suffix("\u{1}\n") {
                None => code.push_str(line),
                Some(_) if direct => {}
                Some(indent) => {
                    code.push_str(&format!("{indent}const Arguments& p = *m_opaque(params.arguments);\n"));
                }
            }
        }
        code.push_str("}\n");
        (code, self.arguments)
    }
}
