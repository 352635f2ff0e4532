//! From text to tokens.

use super::InvalidQuery;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    And,
    Or,
    Not,
    Open,
    Close,
    /// A field name with its colon.
    Field(String),
    /// A quoted text.
    Phrase(String),
    /// The literal parts between the wildcards of a bare word.
    Word(Vec<String>),
    /// `[` or `{`, two texts, `]` or `}`.
    Range {
        low: String,
        high: String,
        low_inclusive: bool,
        high_inclusive: bool,
    },
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, InvalidQuery> {
    let mut scanner = Scanner { rest: text };
    let mut tokens = Vec::new();
    while let Some(token) = scanner.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    fn next(&mut self) -> Result<Option<Token>, InvalidQuery> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        for (sign, token) in [
            ("&&", Token::And),
            ("||", Token::Or),
            ("(", Token::Open),
            (")", Token::Close),
            ("!", Token::Not),
            ("-", Token::Not),
        ] {
            if let Some(rest) = self.rest.strip_prefix(sign) {
                self.rest = rest;
                return Ok(Some(token));
            }
        }
        match first {
            '+' => {
                self.skip(1);
                self.next()
            }
            '"' => self.phrase().map(Some),
            '[' | '{' => self.range().map(Some),
            _ => self.word().map(Some),
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn phrase(&mut self) -> Result<Token, InvalidQuery> {
        self.skip(1);
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                '"' => {
                    self.skip(at + 1);
                    return Ok(Token::Phrase(text));
                }
                other => text.push(other),
            }
        }
        Err(InvalidQuery::End)
    }

    fn range(&mut self) -> Result<Token, InvalidQuery> {
        let end = self.rest.find([']', '}']).ok_or(InvalidQuery::End)?;
        let whole = self.rest.get(..=end).unwrap_or_default().to_owned();
        self.skip(end + 1);
        let inner = whole.get(1..whole.len() - 1).unwrap_or_default();
        let (low, high) =
            inner.split_once(" TO ").ok_or_else(|| InvalidQuery::Unexpected(whole.clone()))?;
        let bare = |text: &str| text.trim().trim_matches('"').to_owned();
        Ok(Token::Range {
            low: bare(low),
            high: bare(high),
            low_inclusive: whole.starts_with('['),
            high_inclusive: whole.ends_with(']'),
        })
    }

    /// A word ends at a space or bracket; a colon makes it a field.
    fn word(&mut self) -> Result<Token, InvalidQuery> {
        let mut parts = vec![String::new()];
        let mut end = self.rest.len();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    let (_, escaped) = characters.next().ok_or(InvalidQuery::End)?;
                    push(&mut parts, escaped);
                }
                '*' => parts.push(String::new()),
                ':' => {
                    if parts.len() > 1 || parts[0].is_empty() {
                        return Err(InvalidQuery::Unexpected(":".into()));
                    }
                    self.skip(at + 1);
                    return Ok(Token::Field(parts.concat()));
                }
                '(' | ')' | '"' | '[' | ']' | '{' | '}' | '^' | '~' => {
                    if at == 0 || matches!(character, '^' | '~') {
                        return Err(InvalidQuery::Unexpected(character.to_string()));
                    }
                    end = at;
                    break;
                }
                space if space.is_whitespace() => {
                    end = at;
                    break;
                }
                other => push(&mut parts, other),
            }
        }
        let is_operator = parts.len() == 1;
        self.skip(end);
        Ok(match parts[0].as_str() {
            "AND" if is_operator => Token::And,
            "OR" if is_operator => Token::Or,
            "NOT" if is_operator => Token::Not,
            _ => Token::Word(parts),
        })
    }
}

fn push(parts: &mut [String], character: char) {
    if let Some(last) = parts.last_mut() {
        last.push(character);
    }
}
