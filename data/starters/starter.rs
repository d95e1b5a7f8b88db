// An implementation of refnn's spec in Rust. Fill in the functions in their order. To check it:
//
//     rustc -O -o mine mine.rs
//     python -m refnn.check --cmd ./mine
//
// A function that returns None does not implement its operation. The methods of Json read the inputs. Return
// object([("z", ...)]) with numbers(...), matrix(...), integer(...), integers(...), hex64(...).

#![allow(dead_code, unused_variables, clippy::all)]

use std::io::{BufRead, Write};

#[derive(Clone, Debug)]
enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

// :functions:
fn answer(op: &str, input: &Json) -> Option<Json> {
    match op {
        // :table:
        _ => None,
    }
}

// The inputs

impl Json {
    fn get(&self, key: &str) -> &Json {
        if let Json::Object(items) = self {
            for (name, value) in items {
                if name == key {
                    return value;
                }
            }
        }
        &Json::Null
    }

    fn is_null(&self, key: &str) -> bool {
        matches!(self.get(key), Json::Null)
    }

    /// A double. JSON has no -0, Infinity and NaN: they are strings. With --hex, every double is 16 hex digits.
    fn to_f64(&self) -> f64 {
        match self {
            Json::Number(value) => *value,
            Json::Integer(value) => *value as f64,
            Json::Text(text) => match text.as_str() {
                "-0.0" => -0.0,
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                "NaN" => f64::NAN,
                bits => f64::from_bits(u64::from_str_radix(bits, 16).expect("a double")),
            },
            other => panic!("not a number: {:?}", other),
        }
    }

    fn items(&self) -> &[Json] {
        match self {
            Json::List(items) => items,
            other => panic!("not a list: {:?}", other),
        }
    }

    fn number(&self, key: &str) -> f64 {
        self.get(key).to_f64()
    }

    fn integer(&self, key: &str) -> i64 {
        match self.get(key) {
            Json::Integer(value) => *value,
            other => panic!("{} is not an integer: {:?}", key, other),
        }
    }

    fn truth(&self, key: &str) -> bool {
        matches!(self.get(key), Json::Bool(true))
    }

    fn text(&self, key: &str) -> &str {
        match self.get(key) {
            Json::Text(text) => text,
            other => panic!("{} is not a string: {:?}", key, other),
        }
    }

    /// A 64-bit integer.
    fn seed(&self, key: &str) -> u64 {
        u64::from_str_radix(self.text(key), 16).expect("16 hex digits")
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        self.get(key).items().iter().map(Json::to_f64).collect()
    }

    /// A list of rows.
    fn matrix(&self, key: &str) -> Vec<Vec<f64>> {
        self.get(key).items().iter().map(|row| row.items().iter().map(Json::to_f64).collect()).collect()
    }
}

// The outputs

fn object<const N: usize>(items: [(&str, Json); N]) -> Option<Json> {
    Some(Json::Object(items.iter().map(|(key, value)| (key.to_string(), value.clone())).collect()))
}

fn number(value: f64) -> Json {
    Json::Number(value)
}

fn numbers(values: &[f64]) -> Json {
    Json::List(values.iter().map(|value| Json::Number(*value)).collect())
}

fn matrix(rows: &[Vec<f64>]) -> Json {
    Json::List(rows.iter().map(|row| numbers(row)).collect())
}

fn integers(values: &[i64]) -> Json {
    Json::List(values.iter().map(|value| Json::Integer(*value)).collect())
}

fn hex64(value: u64) -> Json {
    Json::Text(format!("{:016x}", value))
}

fn list(items: Vec<Json>) -> Json {
    Json::List(items)
}

fn write(value: &Json, to: &mut String) {
    match value {
        Json::Null => to.push_str("null"),
        Json::Bool(value) => to.push_str(if *value { "true" } else { "false" }),
        Json::Integer(value) => to.push_str(&value.to_string()),
        Json::Number(value) if value.is_nan() => to.push_str("\"NaN\""),
        Json::Number(value) if *value == f64::INFINITY => to.push_str("\"Infinity\""),
        Json::Number(value) if *value == f64::NEG_INFINITY => to.push_str("\"-Infinity\""),
        Json::Number(value) if *value == 0.0 && value.is_sign_negative() => to.push_str("\"-0.0\""),
        Json::Number(value) => to.push_str(&format!("{:e}", value)),
        Json::Text(text) => {
            to.push('"');
            for c in text.chars() {
                if c == '"' || c == '\\' {
                    to.push('\\');
                }
                to.push(c);
            }
            to.push('"');
        }
        Json::List(items) => {
            to.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    to.push(',');
                }
                write(item, to);
            }
            to.push(']');
        }
        Json::Object(items) => {
            to.push('{');
            for (i, (key, item)) in items.iter().enumerate() {
                if i > 0 {
                    to.push(',');
                }
                write(&Json::Text(key.clone()), to);
                to.push(':');
                write(item, to);
            }
            to.push('}');
        }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> u8 {
        while self.at < self.text.len() && self.text[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        *self.text.get(self.at).expect("a question in JSON")
    }

    fn expect(&mut self, c: u8) {
        assert_eq!(self.next(), c, "not JSON");
        self.at += 1;
    }

    fn word(&mut self, word: &str, value: Json) -> Json {
        assert!(self.text[self.at..].starts_with(word.as_bytes()), "not JSON");
        self.at += word.len();
        value
    }

    fn string(&mut self) -> String {
        self.expect(b'"');
        let mut bytes = Vec::new();
        while self.text[self.at] != b'"' {
            if self.text[self.at] == b'\\' {
                self.at += 1; // questions escape only quotes and backslashes
            }
            bytes.push(self.text[self.at]);
            self.at += 1;
        }
        self.at += 1;
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn value(&mut self) -> Json {
        match self.next() {
            b'"' => Json::Text(self.string()),
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                while self.next() != b']' {
                    if !items.is_empty() {
                        self.expect(b',');
                    }
                    items.push(self.value());
                }
                self.at += 1;
                Json::List(items)
            }
            b'{' => {
                self.at += 1;
                let mut items = Vec::new();
                while self.next() != b'}' {
                    if !items.is_empty() {
                        self.expect(b',');
                    }
                    self.next();
                    let key = self.string();
                    self.expect(b':');
                    items.push((key, self.value()));
                }
                self.at += 1;
                Json::Object(items)
            }
            b'n' => self.word("null", Json::Null),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            _ => {
                let begin = self.at;
                while self.at < self.text.len() && b"+-.0123456789eE".contains(&self.text[self.at]) {
                    self.at += 1;
                }
                let text = std::str::from_utf8(&self.text[begin..self.at]).unwrap();
                match text.parse::<i64>() {
                    Ok(value) => Json::Integer(value),
                    Err(_) => Json::Number(text.parse().expect("a number in JSON")),
                }
            }
        }
    }
}

fn main() {
    let mut to = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let question = Reader { text: line.as_bytes(), at: 0 }.value();
        let out = answer(question.text("op"), question.get("in")).unwrap_or(Json::Null);
        let mut said = String::new();
        write(&object([("id", question.get("id").clone()), ("out", out)]).unwrap(), &mut said);
        writeln!(to, "{}", said).unwrap();
        to.flush().unwrap();
    }
}
