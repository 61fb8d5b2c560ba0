//! Arrays as values of parameters: of one dimension, in either format. Not here: their elements (`decode`).

use arrow::datatypes::DataType;
use maar_engine::datafusion::scalar::ScalarValue;
use prost::bytes::Buf;

use super::decode::{binary, misfit, none_of, text as one};
use super::fault::Fault;
use super::types::{Kind, PgType};

/// One dimension, with the type of its elements.
///
/// # Errors
/// For what is no array, and elements that are no values.
pub(super) fn binary_array(mut bytes: &[u8]) -> Result<ScalarValue, Fault> {
    let cut = |_| misfit();
    let dimensions = bytes.try_get_u32().map_err(cut)?;
    bytes.try_get_u32().map_err(cut)?;
    let kind = PgType::by_oid(bytes.try_get_u32().map_err(cut)?).filter(|item| !item.is_array).ok_or_else(misfit)?.kind;
    let count = match dimensions {
        0 => 0,
        1 => {
            let count = bytes.try_get_u32().map_err(cut)?;
            bytes.try_get_u32().map_err(cut)?;
            count
        }
        _ => return Err(Fault::error("0A000", "an array of several dimensions is not supported as a parameter")),
    };
    let mut items = Vec::new();
    for _ in 0..count {
        let length = bytes.try_get_i32().map_err(cut)?;
        let item = match usize::try_from(length) {
            Ok(length) => Some(bytes.split_off(..length).ok_or_else(misfit)?),
            Err(_) => None,
        };
        items.push(item.map(|item| binary(item, kind)).transpose()?);
    }
    if !bytes.is_empty() {
        return Err(misfit());
    }
    list(items, &PgType::one(kind).arrow())
}

/// `{1,NULL,"a b"}`.
///
/// # Errors
/// For what is no array, and elements that are no values.
pub(super) fn text_array(text: &str, kind: Kind, arrow: &DataType) -> Result<ScalarValue, Fault> {
    let wrong = || none_of(kind, text);
    let inside = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or_else(wrong)?;
    let item_type = match arrow {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item.data_type().clone(),
        _ => PgType::one(kind).arrow(),
    };
    let mut items = Vec::new();
    for (item, is_quoted) in elements(inside).ok_or_else(wrong)? {
        let is_null = !is_quoted && item.eq_ignore_ascii_case("null");
        items.push(if is_null { None } else { Some(one(&item, kind, &item_type)?) });
    }
    list(items, &item_type)
}

/// The elements with whether they were quoted; `None` for what is no list of them, and for lists in lists.
fn elements(text: &str) -> Option<Vec<(String, bool)>> {
    let (mut items, mut characters) = (Vec::new(), text.trim().chars().peekable());
    if characters.peek().is_none() {
        return Some(items);
    }
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        let (mut item, is_quoted) = (String::new(), characters.next_if_eq(&'"').is_some());
        loop {
            match characters.peek()? {
                '"' if is_quoted => break,
                '\\' => {
                    characters.next();
                    item.push(characters.next()?);
                }
                ',' if !is_quoted => break,
                '{' | '}' | '"' if !is_quoted => return None,
                other => {
                    item.push(*other);
                    characters.next();
                }
            }
            if !is_quoted && characters.peek().is_none() {
                break;
            }
        }
        if is_quoted {
            characters.next();
        }
        let item = if is_quoted { item } else { item.trim_end().to_owned() };
        items.push((item, is_quoted));
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        match characters.next() {
            None => return Some(items),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

fn list(items: Vec<Option<ScalarValue>>, item_type: &DataType) -> Result<ScalarValue, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::error("22P02", format!("the array has no one type: {e}"));
    // Decimals are each as wide as they are: one type has room for all.
    let item_type = match items.iter().flatten().try_fold(None, |all, item| joined(all, item.data_type())) {
        Some(joined) => joined.unwrap_or_else(|| item_type.clone()),
        None => return Err(failed(&"its numbers are too long")),
    };
    let items: Vec<ScalarValue> = items
        .into_iter()
        .map(|item| match item {
            Some(item) => item.cast_to(&item_type),
            None => ScalarValue::try_new_null(&item_type),
        })
        .collect::<Result<_, _>>()
        .map_err(|e| failed(&e))?;
    Ok(ScalarValue::List(ScalarValue::new_list(&items, &item_type, true)))
}

/// A type for both; `None` where there is none.
fn joined(all: Option<DataType>, item: DataType) -> Option<Option<DataType>> {
    let digits = |data_type: &DataType| match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    };
    let Some(all) = all else { return Some(Some(item)) };
    let (Some((p, s)), Some((q, t))) = (digits(&all), digits(&item)) else { return Some(Some(all)) };
    let scale = s.max(t);
    let whole = (i16::from(p) - i16::from(s)).max(i16::from(q) - i16::from(t));
    match u8::try_from(whole + i16::from(scale)) {
        Ok(precision @ ..=38) => Some(Some(DataType::Decimal128(precision.max(1), scale))),
        Ok(precision @ ..=76) => Some(Some(DataType::Decimal256(precision, scale))),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read() {
        let pairs = |text| elements(text).map(|items| items.into_iter().map(|(item, _)| item).collect::<Vec<_>>());
        assert_eq!(pairs("1, 2").unwrap(), ["1", "2"]);
        assert_eq!(pairs("\"a,\\\"b\\\"\",NULL").unwrap(), ["a,\"b\"", "NULL"]);
        assert_eq!(pairs("").unwrap(), Vec::<String>::new());
        assert_eq!(pairs("{1},{2}"), None);
        assert_eq!(pairs("\"a"), None);
        let list = text_array("{1.5,NULL,22}", Kind::Numeric, &DataType::Utf8).unwrap();
        assert_eq!(list.data_type(), DataType::new_list(DataType::Decimal128(3, 1), true));
    }
}
