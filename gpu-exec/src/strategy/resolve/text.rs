//! Texts of several dictionaries: constants, CASE over text, and codes of one dictionary as codes of another.
//!
//! Texts that meet get the union of their dictionaries, so that their codes compare and order as they do. Not here:
//! functions of one text (`lookup.rs`), texts without a dictionary (`raw_text.rs`).

use std::sync::Arc;

use arrow::array::StringArray;
use datafusion::scalar::ScalarValue;

use super::constant::{is_null, null};
use super::{Resolved, case_value};
use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{Bounds, Constant, Expr, Type, Value, ValueKind};
use crate::strategy::lookup::translate;
use crate::strategy::scope::OpenPipeline;
use crate::strategy::union::union;

/// A constant text: the only entry of a dictionary of its own.
pub(super) fn literal(literal: &ScalarValue) -> Result<Resolved> {
    if literal.is_null() {
        return Ok(Resolved { value: null(Type::Text), dictionary: Some(Arc::new(Dictionary::empty())) });
    }
    let text =
        literal.try_as_str().flatten().ok_or_else(|| Error::internal(format!("literal {literal} is no text")))?;
    let dictionary = Dictionary::from_sorted(StringArray::from_iter_values([text]));
    Ok(Resolved { value: code(0, &dictionary), dictionary: Some(Arc::new(dictionary)) })
}

/// A code as a parameter. It is bounded like a column of the dictionary's codes: which of them it is changes no text.
fn code(code: usize, dictionary: &Dictionary) -> Value {
    let bounds = Bounds::new(0, dictionary.len() as i128).round_to_powers();
    Value::int(ValueKind::Constant(Constant::Int(code as i128)), false, bounds)
}

impl OpenPipeline {
    pub(super) fn text_case(&mut self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<Resolved> {
        let mut conditions = Vec::with_capacity(branches.len());
        let mut texts = Vec::with_capacity(branches.len() + 1);
        for (condition, text) in branches {
            conditions.push(self.resolve_value(condition)?);
            texts.push(self.resolve(text)?);
        }
        if let Some(text) = otherwise {
            texts.push(self.resolve(text)?);
        }
        let (dictionary, mut codes) = self.alike(texts)?;
        let otherwise = otherwise.and_then(|_| codes.pop());
        let value = case_value(conditions.into_iter().zip(codes).collect(), otherwise, Type::Text);
        Ok(Resolved { value, dictionary: Some(dictionary) })
    }

    /// Texts with codes of one dictionary, that of all of them.
    pub(super) fn alike(&mut self, texts: Vec<Resolved>) -> Result<(Arc<Dictionary>, Vec<Value>)> {
        let dictionaries = texts.iter().map(dictionary_of).collect::<Result<Vec<_>>>()?;
        let union = union(&dictionaries)?;
        let codes = texts.into_iter().map(|text| self.translated(text, &union)).collect::<Result<Vec<_>>>()?;
        Ok((union, codes))
    }

    /// Codes of a text as codes of another dictionary; NULL where that lacks the text.
    pub(in crate::strategy) fn translated(&mut self, text: Resolved, to: &Arc<Dictionary>) -> Result<Value> {
        let from = dictionary_of(&text)?;
        if Arc::ptr_eq(&from, to) || is_null(&text.value) {
            return Ok(text.value);
        }
        if let ValueKind::Constant(Constant::Int(number)) = text.value.kind {
            let entry = usize::try_from(number).ok().filter(|number| *number < from.len());
            let entry = entry.ok_or_else(|| Error::internal(format!("no entry {number} in a dictionary")))?;
            return Ok(to.find(from.values().value(entry)).map_or_else(|_| null(Type::Text), |found| code(found, to)));
        }
        let (mapped, is_new) = translate(&from, to)?;
        let table = self.add_lookup(mapped.table(is_new));
        Ok(mapped.value(table, text.value))
    }
}

fn dictionary_of(text: &Resolved) -> Result<Arc<Dictionary>> {
    text.dictionary.clone().ok_or_else(|| Error::internal("a text without a dictionary"))
}
