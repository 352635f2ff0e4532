//! From a method and a concrete path to the operation.

use std::collections::HashMap;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::Operation;

/// An operation found by its path, with the decoded values of the template's parameters.
#[derive(Debug, Clone)]
pub struct Located<'c> {
    /// The operation.
    pub operation: &'c Operation,
    /// Name and decoded value of every parameter, from left to right.
    pub parameters: Vec<(String, String)>,
}

/// Templates by method and number of segments, the most literal first.
#[derive(Debug)]
pub(crate) struct Paths {
    candidates: HashMap<(Method, usize), Vec<Template>>,
}

#[derive(Debug)]
struct Template {
    operation: usize,
    segments: Vec<Segment>,
}

/// Literals sort before parameters, so `/clients/search` is tried before `/clients/{id}`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
}

impl Paths {
    pub(crate) fn new(operations: &[Operation]) -> Self {
        let mut candidates: HashMap<_, Vec<Template>> = HashMap::new();
        for (index, operation) in operations.iter().enumerate() {
            let segments: Vec<Segment> =
                operation.path.split('/').skip(1).map(Segment::read).collect();
            let templates =
                candidates.entry((operation.method.clone(), segments.len())).or_default();
            templates.push(Template { operation: index, segments });
        }
        for templates in candidates.values_mut() {
            templates.sort_by(|one, other| one.segments.cmp(&other.segments));
        }
        Self { candidates }
    }

    /// The position of the operation and its parameters.
    pub(crate) fn find(
        &self,
        method: &Method,
        path: &str,
    ) -> Option<(usize, Vec<(String, String)>)> {
        let path = path.split(['?', '#']).next()?;
        let path = path.strip_prefix("/api/v2").unwrap_or(path).strip_prefix('/')?;
        let segments: Vec<&str> = path.split('/').collect();
        let templates = self.candidates.get(&(method.clone(), segments.len()))?;
        templates
            .iter()
            .find_map(|template| Some((template.operation, template.matches(&segments)?)))
    }
}

impl Template {
    fn matches(&self, segments: &[&str]) -> Option<Vec<(String, String)>> {
        let mut parameters = Vec::new();
        for (expected, found) in self.segments.iter().zip(segments) {
            match expected {
                Segment::Literal(literal) if literal == found => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(_) if found.is_empty() => return None,
                Segment::Parameter(name) => {
                    let value = percent_decode_str(found).decode_utf8().ok()?;
                    parameters.push((name.clone(), value.into_owned()));
                }
            }
        }
        Some(parameters)
    }
}

impl Segment {
    fn read(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Self::Parameter(name.into()),
            None => Self::Literal(text.into()),
        }
    }
}
