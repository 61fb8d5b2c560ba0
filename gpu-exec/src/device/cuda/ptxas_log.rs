//! What the assembler says of a kernel (`--ptxas-options=-v`): registers, spills, stack.

use super::super::KernelResources;

/// Reads the log of one translation unit. Several functions in it: the most registers, the sum of the rest.
pub(super) fn resources(log: &str) -> KernelResources {
    let mut found = KernelResources::default();
    for line in log.lines() {
        if let Some(registers) = number_before(line, " registers") {
            found.registers = found.registers.max(registers);
        }
        found.stack_bytes += number_before(line, " bytes stack frame").unwrap_or(0);
        found.spill_bytes += number_before(line, " bytes spill stores").unwrap_or(0);
        found.spill_bytes += number_before(line, " bytes spill loads").unwrap_or(0);
    }
    found
}

fn number_before(line: &str, unit: &str) -> Option<u32> {
    let (before, _) = line.split_once(unit)?;
    before.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_assembler_writes() {
        let log = "ptxas info    : 2 bytes gmem\n\
                   ptxas info    : Compiling entry function 'q' for 'sm_90'\n\
                   ptxas info    : Function properties for q\n\
                   ptxas         .     16 bytes stack frame, 24 bytes spill stores, 40 bytes spill loads\n\
                   ptxas info    : Used 84 registers, used 1 barriers, 16 bytes cumulative stack size\n";
        assert_eq!(resources(log), KernelResources { registers: 84, spill_bytes: 64, stack_bytes: 16 });
        assert_eq!(resources(""), KernelResources::default());
    }
}
