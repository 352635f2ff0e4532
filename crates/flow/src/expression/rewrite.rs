//! Writes a parsed expression back as text in which loops, iterations and additions burn fuel.
//!
//! `__tick` passes its input on and takes one unit; `__sized` fails on a text or array that has grown too large;
//! `__times` multiplies, and refuses to repeat a text beyond the limit. All three are in `library`.

use jaq_core::{
    load::{lex::StrPart, parse::BinaryOp, parse::Pattern, parse::Term},
    ops::Math,
    path::{Opt, Part},
};

/// `folds`: constructors burn fuel too, since a loop may nest them.
pub(super) fn rewrite(term: &Term<&str>, folds: bool) -> String {
    let mut writer = Writer { out: String::new(), folds, caught: false };
    writer.term(term);
    writer.out
}

struct Writer {
    out: String,
    folds: bool,
    /// Inside a `try` with a `catch`: errors become values there, with the values that they quote.
    caught: bool,
}

/// Filters that look at no more of their input than its outside, and give errors that quote it.
const SHALLOW: [&str; 19] = [
    "empty",
    "error",
    "first",
    "last",
    "length",
    "limit",
    "map",
    "not",
    "range",
    "recurse",
    "repeat",
    "select",
    "skip",
    "type",
    "until",
    "while",
    "any",
    "all",
    "keys_unsorted",
];
/// Filters whose pattern and text are bounded more tightly.
const REGEX: [&str; 8] = ["capture", "gsub", "match", "scan", "split", "splits", "sub", "test"];
/// Filters that make many values of one text.
const SPELLING: [&str; 2] = ["explode", "ascii"];

/// Whether it is what it is written as, so that it need not be weighed.
fn is_plain(term: &Term<&str>) -> bool {
    match term {
        Term::Num(_) | Term::Arr(None) => true,
        Term::Str(None, parts) => parts.iter().all(|part| !matches!(part, StrPart::Term(_))),
        _ => false,
    }
}

/// Whether a slice is assigned to: then the whole may grow.
fn slices(term: &Term<&str>) -> bool {
    match term {
        Term::Path(inner, path) => slices(inner)
            || path.0.iter().any(
                |(part, _)| matches!(part, Part::Range(from, to) if from.is_some() || to.is_some()),
            ),
        Term::BinOp(left, _, right) => slices(left) || slices(right),
        Term::Call(..) => true,
        _ => false,
    }
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Every compound term stands in parentheses, so each is an atom for what is around it.
    fn term(&mut self, term: &Term<&str>) {
        match term {
            Term::Id => self.put("."),
            Term::Recurse => self.put("(.. | __tick)"),
            Term::Num(text) | Term::Var(text) => self.put(text),
            Term::Str(format, parts) => self.text(*format, parts),
            Term::Arr(None) => self.put("[]"),
            Term::Arr(Some(inner)) => self.built(|writer| {
                writer.put("[");
                writer.term(inner);
                writer.put("]");
            }),
            Term::Obj(entries) => self.built(|writer| writer.object(entries)),
            Term::Neg(inner) => {
                self.put("(-");
                self.quotable(inner);
                self.put(")");
            }
            Term::BinOp(left, op, right) => self.operation(left, op, right),
            Term::Label(name, inner) => {
                self.put(&format!("(label {name} | "));
                self.term(inner);
                self.put(")");
            }
            Term::Break(name) => self.put(&format!("(break {name})")),
            Term::Fold(name, items, pattern, arguments) => {
                self.put(&format!("({name} "));
                self.quotable(items);
                self.put(" as ");
                self.pattern(pattern);
                self.put(" (");
                for (index, argument) in arguments.iter().enumerate() {
                    self.put(if index == 0 { "" } else { "; __tick | " });
                    self.term(argument);
                }
                self.put("))");
            }
            Term::TryCatch(inner, handler) => {
                self.put("(try ");
                let outside = self.caught;
                self.caught |= handler.is_some();
                self.term(inner);
                self.caught = outside;
                if let Some(handler) = handler {
                    self.put(" catch ");
                    self.term(handler);
                }
                self.put(")");
            }
            Term::IfThenElse(cases, otherwise) => self.choice(cases, otherwise.as_deref()),
            // The guard refuses definitions; what remains of one is its body.
            Term::Def(_, inner) => self.term(inner),
            Term::Call(name, arguments) => self.call(name, arguments),
            Term::Path(inner, path) => self.path(inner, &path.0),
        }
    }

    /// The term, refused where what it gives is too large to be looked at as a whole.
    fn whole(&mut self, term: &Term<&str>) {
        if is_plain(term) {
            return self.term(term);
        }
        self.put("(");
        self.term(term);
        self.put(" | __whole)");
    }

    /// The term, where an error about it may become a value.
    fn quotable(&mut self, term: &Term<&str>) {
        if self.caught { self.whole(term) } else { self.term(term) }
    }

    fn call(&mut self, name: &str, arguments: &[Term<&str>]) {
        let shallow = SHALLOW.contains(&name) && !self.caught;
        self.put(if shallow { "(" } else { "(__whole | " });
        let regex = REGEX.contains(&name);
        if regex || SPELLING.contains(&name) {
            self.put("__short | ");
        }
        self.put(name);
        for (index, argument) in arguments.iter().enumerate() {
            self.put(if index == 0 { "(" } else { "; " });
            if shallow {
                self.term(argument);
            } else {
                self.whole(argument);
            }
            if regex && index == 0 {
                self.put(" | __pattern");
            }
        }
        self.put(if arguments.is_empty() { ")" } else { "))" });
    }

    fn built(&mut self, write: impl FnOnce(&mut Self)) {
        if self.folds {
            self.put("(");
            write(self);
            self.put(" | __tick)");
        } else {
            write(self);
        }
    }

    fn text(&mut self, format: Option<&str>, parts: &[StrPart<&str, Term<&str>>]) {
        if let Some(format) = format {
            self.put("(");
            self.put(format);
            self.put(" ");
        }
        self.put("\"");
        for part in parts {
            match part {
                StrPart::Str(text) => self.put(text),
                StrPart::Char(sign) => {
                    let mut units = [0; 2];
                    for unit in sign.encode_utf16(&mut units) {
                        self.put(&format!("\\u{unit:04x}"));
                    }
                }
                StrPart::Term(term) => {
                    self.put("\\(");
                    self.whole(term);
                    self.put(")");
                }
            }
        }
        self.put(if format.is_some() { "\")" } else { "\"" });
    }

    fn object(&mut self, entries: &[(Term<&str>, Option<Term<&str>>)]) {
        self.put("{");
        for (index, (key, value)) in entries.iter().enumerate() {
            self.put(if index == 0 { "" } else { ", " });
            match (key, value) {
                (Term::Str(None, _) | Term::Var(_), None) => self.term(key),
                (_, None) => {
                    // `{@base64 "x"}` means `{(@base64 "x"): .[@base64 "x"]}`.
                    self.put("(");
                    self.whole(key);
                    self.put("): .[");
                    self.whole(key);
                    self.put("]");
                }
                (_, Some(value)) => {
                    self.put("(");
                    self.whole(key);
                    self.put("): ");
                    self.term(value);
                }
            }
        }
        self.put("}");
    }

    fn operation(&mut self, left: &Term<&str>, op: &BinaryOp<&str>, right: &Term<&str>) {
        let sign = match op {
            BinaryOp::Math(Math::Mul) => {
                self.put("__times(");
                self.whole(left);
                self.put("; ");
                self.whole(right);
                return self.put(")");
            }
            BinaryOp::Math(Math::Add) => {
                self.put("(");
                self.quotable(left);
                self.put(" + ");
                self.quotable(right);
                return self.put(" | __sized)");
            }
            BinaryOp::UpdateMath(math) => return self.update(left, *math, right),
            BinaryOp::Pipe(Some(pattern)) => {
                self.put("(");
                self.quotable(left);
                self.put(" as ");
                self.pattern(pattern);
                self.put(" | ");
                self.term(right);
                return self.put(")");
            }
            BinaryOp::Pipe(None) => "|",
            BinaryOp::Comma => ",",
            BinaryOp::Alt => "//",
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Math(math) => math.as_str(),
            BinaryOp::Cmp(cmp) => cmp.as_str(),
            BinaryOp::Assign => "=",
            BinaryOp::Update => "|=",
            BinaryOp::UpdateAlt => "//=",
        };
        let deep = matches!(op, BinaryOp::Math(_) | BinaryOp::Cmp(_));
        let grows = matches!(op, BinaryOp::Assign | BinaryOp::Update) && slices(left);
        self.put("(");
        for (index, term) in [left, right].into_iter().enumerate() {
            if index > 0 {
                self.put(&format!(" {sign} "));
            }
            if deep {
                self.whole(term);
            } else {
                self.term(term);
            }
        }
        self.put(if grows { " | __whole)" } else { ")" });
    }

    /// `l += r` is `r as $x | l |= . + $x`.
    fn update(&mut self, left: &Term<&str>, math: Math, right: &Term<&str>) {
        self.put("(");
        self.whole(right);
        self.put(" as $__value | ");
        self.term(left);
        match math {
            Math::Mul => self.put(" |= (__whole | __times(.; $__value)))"),
            Math::Add if !self.caught => self.put(" |= (. + $__value | __sized))"),
            _ => self.put(&format!(" |= (__whole | . {} $__value | __sized))", math.as_str())),
        }
    }

    fn choice(&mut self, cases: &[(Term<&str>, Term<&str>)], otherwise: Option<&Term<&str>>) {
        for (index, (condition, then)) in cases.iter().enumerate() {
            self.put(if index == 0 { "(if " } else { " elif " });
            self.term(condition);
            self.put(" then ");
            self.term(then);
        }
        if let Some(otherwise) = otherwise {
            self.put(" else ");
            self.term(otherwise);
        }
        self.put(" end)");
    }

    fn path(&mut self, inner: &Term<&str>, parts: &[(Part<Term<&str>>, Opt)]) {
        let iterates = parts.iter().any(|(part, _)| matches!(part, Part::Range(None, None)));
        self.put("(");
        self.quotable(inner);
        for (part, opt) in parts {
            self.put("[");
            match part {
                Part::Index(index) => self.whole(index),
                Part::Range(None, None) => {}
                Part::Range(from, to) => {
                    if let Some(from) = from {
                        self.term(from);
                    }
                    self.put(":");
                    if let Some(to) = to {
                        self.term(to);
                    }
                }
            }
            self.put("]");
            if matches!(opt, Opt::Optional) {
                self.put("?");
            }
        }
        self.put(if iterates { " | __tick)" } else { ")" });
    }

    fn pattern(&mut self, pattern: &Pattern<&str>) {
        match pattern {
            Pattern::Var(name) => self.put(name),
            Pattern::Arr(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.put(if index == 0 { "[" } else { ", " });
                    self.pattern(item);
                }
                self.put("]");
            }
            Pattern::Obj(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.put(if index == 0 { "{(" } else { ", (" });
                    self.whole(key);
                    self.put("): ");
                    self.pattern(value);
                }
                self.put("}");
            }
        }
    }
}
