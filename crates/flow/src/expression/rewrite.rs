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
    let mut writer = Writer { out: String::new(), folds };
    writer.term(term);
    writer.out
}

struct Writer {
    out: String,
    folds: bool,
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
                self.term(inner);
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
                self.term(items);
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
                self.term(inner);
                if let Some(handler) = handler {
                    self.put(" catch ");
                    self.term(handler);
                }
                self.put(")");
            }
            Term::IfThenElse(cases, otherwise) => self.choice(cases, otherwise.as_deref()),
            // The guard refuses definitions; what remains of one is its body.
            Term::Def(_, inner) => self.term(inner),
            Term::Call(name, arguments) => {
                self.put("(");
                self.put(name);
                for (index, argument) in arguments.iter().enumerate() {
                    self.put(if index == 0 { "(" } else { "; " });
                    self.term(argument);
                }
                self.put(if arguments.is_empty() { ")" } else { "))" });
            }
            Term::Path(inner, path) => self.path(inner, &path.0),
        }
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
                    self.term(term);
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
                    self.term(key);
                    self.put("): .[");
                    self.term(key);
                    self.put("]");
                }
                (_, Some(value)) => {
                    self.put("(");
                    self.term(key);
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
                self.term(left);
                self.put("; ");
                self.term(right);
                return self.put(")");
            }
            BinaryOp::Math(Math::Add) => {
                self.put("(");
                self.term(left);
                self.put(" + ");
                self.term(right);
                return self.put(" | __sized)");
            }
            BinaryOp::UpdateMath(math) => return self.update(left, *math, right),
            BinaryOp::Pipe(Some(pattern)) => {
                self.put("(");
                self.term(left);
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
        self.put("(");
        self.term(left);
        self.put(&format!(" {sign} "));
        self.term(right);
        self.put(")");
    }

    /// `l += r` is `r as $x | l |= . + $x`.
    fn update(&mut self, left: &Term<&str>, math: Math, right: &Term<&str>) {
        self.put("(");
        self.term(right);
        self.put(" as $__value | ");
        self.term(left);
        match math {
            Math::Mul => self.put(" |= __times(.; $__value))"),
            _ => self.put(&format!(" |= (. {} $__value | __sized))", math.as_str())),
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
        self.term(inner);
        for (part, opt) in parts {
            self.put("[");
            match part {
                Part::Index(index) => self.term(index),
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
                    self.term(key);
                    self.put("): ");
                    self.pattern(value);
                }
                self.put("}");
            }
        }
    }
}
