//! Tag, length, content: the encoding of certificates (X.690, DER).

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT_ID: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements inside this one.
    pub(super) fn children(self) -> Elements<'a> {
        Elements(self.content)
    }

    /// This element, where it has the tag.
    pub(super) fn tagged(self, tag: u8) -> Option<Self> {
        (self.tag == tag).then_some(self)
    }
}

/// Elements one after the other; ends at the first that is cut short.
#[derive(Debug, Clone)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes.iter().try_fold(0_usize, |length, byte| {
                length.checked_mul(256)?.checked_add(usize::from(*byte))
            })?;
            (length, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag, content })
    }
}

/// An element around some content.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let big_endian = length.to_be_bytes();
            let first = big_endian.iter().position(|byte| *byte != 0).unwrap_or(0);
            let significant = &big_endian[first..];
            bytes.push(0x80 | u8::try_from(significant.len()).unwrap_or(u8::MAX));
            bytes.extend(significant);
        }
    }
    bytes.extend(content);
    bytes
}

/// A sequence of elements that are encoded already.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_at_any_length() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let bytes = element(SEQUENCE, &content);
            let mut elements = Elements(&bytes);
            assert_eq!(elements.next().unwrap().content, content, "{length}");
            assert!(elements.next().is_none(), "{length}");
        }
    }

    #[test]
    fn what_is_cut_short_ends_the_reading() {
        for bytes in
            [&[0x30][..], &[0x30, 5, 1], &[0x30, 0x82, 1], &[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]]
        {
            assert!(Elements(bytes).next().is_none(), "{bytes:?}");
        }
    }
}
