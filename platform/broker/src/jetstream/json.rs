//! Reads JSON as Go does, which the clients rely on: `null` is as good as nothing.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a value. An empty text is one without fields.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    let mut value = match text.trim_ascii() {
        [] => Value::Object(serde_json::Map::new()),
        text => serde_json::from_slice(text)?,
    };
    if value.is_null() {
        value = Value::Object(serde_json::Map::new());
    }
    drop_nulls(&mut value);
    serde_json::from_value(value)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Whether a text that should be empty is.
pub fn is_empty(text: &[u8]) -> bool {
    let value = parse::<Value>(text);
    value.is_ok_and(|value| value.as_object().is_some_and(|fields| fields.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn null_is_as_good_as_nothing() {
        let read = parse::<BTreeMap<String, i64>>(br#"{"a": null, "b": 1}"#).unwrap();
        assert_eq!(read, BTreeMap::from([("b".to_owned(), 1)]));
        assert!(is_empty(b"") && is_empty(b" null ") && is_empty(b"{}"));
        assert!(!is_empty(b"{\"a\":1}") && !is_empty(b"x"));
    }
}
