//! From tokens to a tree. `AND` binds closer than `OR`; terms without an operator between them are alternatives.

use super::pattern::Pattern;
use super::range::{Bound, Range};
use super::scan::{Token, tokens};
use super::{InvalidQuery, Node};

const MAX_DEPTH: usize = 32;

pub(super) fn parse(text: &str) -> Result<Node, InvalidQuery> {
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), depth: 0 };
    if parser.tokens.peek().is_none() {
        return Ok(Node::Everything);
    }
    let root = parser.alternatives(None)?;
    match parser.tokens.next() {
        None => Ok(root),
        Some(token) => Err(InvalidQuery::Unexpected(describe(&token))),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn alternatives(&mut self, field: Option<&str>) -> Result<Node, InvalidQuery> {
        let mut nodes = vec![self.conjunction(field)?];
        loop {
            match self.tokens.peek() {
                None | Some(Token::Close) => break,
                Some(Token::Or) => {
                    self.tokens.next();
                }
                Some(_) => {}
            }
            nodes.push(self.conjunction(field)?);
        }
        Ok(only_or(nodes, Node::Any))
    }

    /// `a AND b`; also `a NOT b`, where the operator is left out.
    fn conjunction(&mut self, field: Option<&str>) -> Result<Node, InvalidQuery> {
        let mut nodes = vec![self.negation(field)?];
        loop {
            match self.tokens.peek() {
                Some(Token::And) => {
                    self.tokens.next();
                }
                Some(Token::Not) => {}
                _ => break,
            }
            nodes.push(self.negation(field)?);
        }
        Ok(only_or(nodes, Node::All))
    }

    fn negation(&mut self, field: Option<&str>) -> Result<Node, InvalidQuery> {
        let mut negated = false;
        while self.tokens.peek() == Some(&Token::Not) {
            self.tokens.next();
            negated = !negated;
        }
        let node = self.operand(field)?;
        Ok(if negated { Node::Not(Box::new(node)) } else { node })
    }

    fn operand(&mut self, field: Option<&str>) -> Result<Node, InvalidQuery> {
        match self.tokens.next().ok_or(InvalidQuery::End)? {
            Token::Open => self.group(field),
            Token::Field(name) if field.is_none() => self.value(&name),
            Token::Phrase(text) => Ok(term(field, Pattern::exactly(text))),
            Token::Word(parts) => word(field, parts),
            Token::Range { low, high, low_inclusive, high_inclusive } => Ok(Node::Range {
                field: field.map(str::to_owned),
                range: Range { low: bound(low, low_inclusive), high: bound(high, high_inclusive) },
            }),
            token => Err(InvalidQuery::Unexpected(describe(&token))),
        }
    }

    fn group(&mut self, field: Option<&str>) -> Result<Node, InvalidQuery> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(InvalidQuery::TooDeep);
        }
        let node = self.alternatives(field)?;
        self.depth -= 1;
        match self.tokens.next() {
            Some(Token::Close) => Ok(node),
            Some(token) => Err(InvalidQuery::Unexpected(describe(&token))),
            None => Err(InvalidQuery::End),
        }
    }

    fn value(&mut self, field: &str) -> Result<Node, InvalidQuery> {
        if field != "_exists_" {
            return self.operand(Some(field));
        }
        match self.tokens.next().ok_or(InvalidQuery::End)? {
            Token::Phrase(name) => Ok(Node::Exists(name)),
            Token::Word(parts) if parts.len() == 1 => Ok(Node::Exists(parts.concat())),
            token => Err(InvalidQuery::Unexpected(describe(&token))),
        }
    }
}

fn word(field: Option<&str>, parts: Vec<String>) -> Result<Node, InvalidQuery> {
    let is_star = parts.len() == 2 && parts.iter().all(String::is_empty);
    match field {
        None if is_star => Ok(Node::Everything),
        Some(field) if is_star => Ok(Node::Exists(field.to_owned())),
        field => Ok(term(field, Pattern::with_wildcards(parts)?)),
    }
}

fn term(field: Option<&str>, pattern: Pattern) -> Node {
    Node::Term { field: field.map(str::to_owned), pattern }
}

fn bound(text: String, inclusive: bool) -> Bound {
    match text.as_str() {
        "*" => Bound::Open,
        _ if inclusive => Bound::Inclusive(text),
        _ => Bound::Exclusive(text),
    }
}

fn only_or(mut nodes: Vec<Node>, several: impl FnOnce(Vec<Node>) -> Node) -> Node {
    if nodes.len() == 1 { nodes.remove(0) } else { several(nodes) }
}

fn describe(token: &Token) -> String {
    match token {
        Token::And => "AND".into(),
        Token::Or => "OR".into(),
        Token::Not => "NOT".into(),
        Token::Open => "(".into(),
        Token::Close => ")".into(),
        Token::Field(name) => format!("{name}:"),
        Token::Phrase(text) => format!("\"{text}\""),
        Token::Word(parts) => parts.join("*"),
        Token::Range { low, high, .. } => format!("[{low} TO {high}]"),
    }
}
