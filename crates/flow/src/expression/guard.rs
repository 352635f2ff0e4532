//! Decides which jq texts are run at all: parsed, bounded, nothing that reads the outside.

use std::collections::BTreeSet;

use jaq_core::load::{
    Lexer, Parser, lex::StrPart, parse::BinaryOp, parse::Pattern, parse::Term, span,
};
use jaq_core::path::Part;

use super::{InvalidExpression, MAX_SOURCE, rewrite};

/// Deepest nesting of brackets, and of interpolations in texts.
const MAX_BRACKETS: usize = 48;
/// Words and signs after which the parser or the compiler descends one level.
const MAX_DESCENTS: usize = 400;
/// Longer expressions are evaluated on a large stack.
const DESCENTS_ON_A_SMALL_STACK: usize = 60;

/// Filters that do not exist here, and why.
const REFUSED: [(&str, &str); 22] = [
    ("env", "it reads the environment of the process"),
    ("input", "there is only one input"),
    ("inputs", "there is only one input"),
    ("input_filename", "there is no file"),
    ("input_line_number", "there is no file"),
    ("debug", "it writes to the log"),
    ("stderr", "it writes to the log"),
    ("halt", "it ends the process"),
    ("halt_error", "it ends the process"),
    ("now", "a replay would see another time; use $task.startedAt or $workflow.startedAt"),
    ("localtime", "it depends on the machine's time zone; use gmtime"),
    ("strflocaltime", "it depends on the machine's time zone; use strftime"),
    ("mktime_local", "it depends on the machine's time zone"),
    ("get_search_list", "there are no modules"),
    ("modulemeta", "there are no modules"),
    ("combinations", "its output grows without bound"),
    ("getpath_or_env", "it reads the environment of the process"),
    ("stderr_empty", "it writes to the log"),
    ("debug_empty", "it writes to the log"),
    ("input_empty", "there is only one input"),
    ("include", "there are no modules"),
    ("import", "there are no modules"),
];

pub(super) struct Guarded {
    pub(super) rewritten: String,
    pub(super) variables: Vec<String>,
    pub(super) folds: bool,
}

pub(super) fn parse(text: &str) -> Result<Guarded, InvalidExpression> {
    let descents = bound(text)?;
    let tokens = Lexer::new(text).lex().map_err(|errors| match errors.first() {
        Some((expected, rest)) => invalid(text, rest, format!("{} expected", expected.as_str())),
        None => InvalidExpression { message: "not a jq expression".to_owned(), offset: 0 },
    })?;
    let term = Parser::new(&tokens).parse(Parser::term).map_err(|errors| match errors.first() {
        Some((expected, Some(found))) => invalid(
            text,
            found.as_str(),
            format!("{} expected before \"{}\"", name(expected.as_str()), start(found.as_str())),
        ),
        Some((expected, None)) => InvalidExpression {
            message: format!("{} expected at the end", name(expected.as_str())),
            offset: text.len(),
        },
        None => InvalidExpression { message: "not a jq expression".to_owned(), offset: 0 },
    })?;
    let mut walk = Walk { text, free: BTreeSet::new(), bound: Vec::new(), folds: false };
    walk.term(&term)?;
    Ok(Guarded {
        rewritten: rewrite::rewrite(&term, walk.folds),
        variables: walk.free.into_iter().collect(),
        folds: walk.folds || descents > DESCENTS_ON_A_SMALL_STACK,
    })
}

fn name(expected: &str) -> &str {
    match expected {
        "nothing" => "the end",
        other => other,
    }
}

fn start(text: &str) -> String {
    text.chars().take(20).collect()
}

fn invalid(text: &str, part: &str, message: String) -> InvalidExpression {
    InvalidExpression { message, offset: span(text, part).start }
}

/// Refuses texts on which a recursive parser could exhaust the stack.
fn bound(text: &str) -> Result<usize, InvalidExpression> {
    let too = |what: &str, offset| InvalidExpression {
        message: format!("the expression {what}"),
        offset,
    };
    if text.trim().is_empty() {
        return Err(too("is empty", 0));
    }
    if text.len() > MAX_SOURCE {
        return Err(too(&format!("is longer than {MAX_SOURCE} bytes"), MAX_SOURCE));
    }
    // Brackets inside texts count too: simpler, and the bound is far above what is readable.
    let (mut depth, mut descents) = (0_usize, 0_usize);
    let mut word = String::new();
    for (offset, sign) in text.char_indices() {
        match sign {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '-' | '|' | ',' | '=' | '/' | '+' | '*' | '%' | '<' | '>' | '?' => descents += 1,
            _ => {}
        }
        if sign.is_alphanumeric() {
            word.push(sign);
        } else {
            let words =
                ["if", "elif", "try", "reduce", "foreach", "label", "as", "and", "or", "def"];
            descents += usize::from(words.contains(&word.as_str()));
            word.clear();
        }
        if depth > MAX_BRACKETS {
            return Err(too(&format!("nests deeper than {MAX_BRACKETS} brackets"), offset));
        }
        if descents > MAX_DESCENTS {
            return Err(too(&format!("has more than {MAX_DESCENTS} operators"), offset));
        }
    }
    Ok(descents)
}

struct Walk<'s> {
    text: &'s str,
    free: BTreeSet<String>,
    bound: Vec<&'s str>,
    folds: bool,
}

impl<'s> Walk<'s> {
    fn all<'t>(
        &mut self,
        terms: impl IntoIterator<Item = &'t Term<&'s str>>,
    ) -> Result<(), InvalidExpression>
    where
        's: 't,
    {
        terms.into_iter().try_for_each(|term| self.term(term))
    }

    fn term(&mut self, term: &Term<&'s str>) -> Result<(), InvalidExpression> {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) => Ok(()),
            Term::Str(_, parts) => self.parts(parts),
            Term::Arr(inner) => self.all(inner.as_deref()),
            Term::Obj(entries) => entries.iter().try_for_each(|(key, value)| {
                self.term(key)?;
                self.all(value)
            }),
            Term::Neg(inner) | Term::Label(_, inner) => self.term(inner),
            Term::BinOp(left, BinaryOp::Pipe(Some(pattern)), right) => {
                self.term(left)?;
                self.scoped(pattern, |walk| walk.term(right))
            }
            Term::BinOp(left, _, right) => self.all([&**left, &**right]),
            Term::Fold(_, items, pattern, arguments) => {
                self.folds = true;
                self.term(items)?;
                self.scoped(pattern, |walk| walk.all(arguments))
            }
            Term::TryCatch(inner, handler) => {
                self.term(inner)?;
                self.all(handler.as_deref())
            }
            Term::IfThenElse(cases, otherwise) => {
                for (condition, then) in cases {
                    self.all([condition, then])?;
                }
                self.all(otherwise.as_deref())
            }
            Term::Def(definitions, _) => {
                let part = definitions.first().map_or("", |definition| definition.name);
                let message = "\"def\" is not available: a recursive filter may never end";
                Err(invalid(self.text, part, message.to_owned()))
            }
            Term::Call(name, arguments) => self.call(name, arguments),
            Term::Var(name) => self.variable(name),
            Term::Path(inner, path) => {
                self.term(inner)?;
                path.0.iter().try_for_each(|(part, _)| match part {
                    Part::Index(index) => self.term(index),
                    Part::Range(from, to) => self.all(from.iter().chain(to)),
                })
            }
        }
    }

    fn parts(
        &mut self,
        parts: &[StrPart<&'s str, Term<&'s str>>],
    ) -> Result<(), InvalidExpression> {
        parts.iter().try_for_each(|part| match part {
            StrPart::Term(term) => self.term(term),
            StrPart::Str(_) | StrPart::Char(_) => Ok(()),
        })
    }

    fn call(
        &mut self,
        name: &'s str,
        arguments: &[Term<&'s str>],
    ) -> Result<(), InvalidExpression> {
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            return Err(invalid(self.text, name, format!("\"{name}\" is not available: {why}")));
        }
        if name.contains("::") || name.starts_with("__") {
            return Err(invalid(self.text, name, format!("\"{name}\" is not a filter")));
        }
        let loops = matches!(name, "until" | "while" | "repeat");
        self.folds |= loops || (name == "recurse" && !arguments.is_empty());
        self.all(arguments)
    }

    fn variable(&mut self, name: &'s str) -> Result<(), InvalidExpression> {
        if name == "$ENV" {
            let message = "\"$ENV\" is not available: it reads the environment of the process";
            return Err(invalid(self.text, name, message.to_owned()));
        }
        if name.starts_with("$__") || name.contains("::") {
            return Err(invalid(self.text, name, format!("\"{name}\" is not a variable")));
        }
        if !self.bound.contains(&name) {
            self.free.insert(name.trim_start_matches('$').to_owned());
        }
        Ok(())
    }

    fn scoped(
        &mut self,
        pattern: &Pattern<&'s str>,
        inside: impl FnOnce(&mut Self) -> Result<(), InvalidExpression>,
    ) -> Result<(), InvalidExpression> {
        let before = self.bound.len();
        self.pattern(pattern)?;
        let result = inside(self);
        self.bound.truncate(before);
        result
    }

    fn pattern(&mut self, pattern: &Pattern<&'s str>) -> Result<(), InvalidExpression> {
        match pattern {
            Pattern::Var(name) => {
                if name.starts_with("$__") {
                    let message = format!("\"{name}\" is not a name for a variable");
                    return Err(invalid(self.text, name, message));
                }
                self.bound.push(name);
                Ok(())
            }
            Pattern::Arr(items) => items.iter().try_for_each(|item| self.pattern(item)),
            Pattern::Obj(entries) => entries.iter().try_for_each(|(key, value)| {
                self.term(key)?;
                self.pattern(value)
            }),
        }
    }
}
