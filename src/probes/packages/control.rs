//! The control files of Debian: paragraphs of `Name: value` fields, as in dpkg's status, Release files and deb822
//! sources (deb822(5)). Reads any text without failing; what is no field is passed over.

/// One field of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Its name as written; names are compared without regard to case.
    pub name: &'a str,
    /// Its value, trimmed; continuation lines stay in it with their line breaks.
    pub value: &'a str,
    /// Line where it starts, from 1.
    pub line: i64,
}

/// The value of a field of that name.
pub(crate) fn value<'a>(fields: &[Field<'a>], name: &str) -> Option<&'a str> {
    fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value)
}

/// Calls `each` with the fields of every paragraph. Lines that begin with `#` are comments.
pub(crate) fn paragraphs<'a>(text: &'a str, mut each: impl FnMut(&[Field<'a>])) {
    let mut fields: Vec<Field<'a>> = Vec::new();
    // Name, start and end of the value, and line of the field being read.
    let mut open: Option<(&'a str, usize, usize, i64)> = None;
    let close = |open: &mut Option<(&'a str, usize, usize, i64)>, fields: &mut Vec<Field<'a>>| {
        if let Some((name, start, end, line)) = open.take() {
            let value = text.get(start..end).unwrap_or_default().trim();
            fields.push(Field { name, value, line });
        }
    };
    let mut offset = 0_usize;
    let mut number = 0_i64;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset = offset.saturating_add(line.len());
        number = number.saturating_add(1);
        match line.as_bytes().first() {
            Some(b'#') => {}
            Some(b' ' | b'\t') if !line.trim().is_empty() => {
                if let Some(field) = &mut open {
                    field.2 = offset;
                }
            }
            _ if line.trim().is_empty() => {
                close(&mut open, &mut fields);
                if !fields.is_empty() {
                    each(&fields);
                    fields.clear();
                }
            }
            _ => {
                close(&mut open, &mut fields);
                if let Some((name, _)) = line.split_once(':') {
                    open = Some((name.trim(), start.saturating_add(name.len()).saturating_add(1), offset, number));
                }
            }
        }
    }
    close(&mut open, &mut fields);
    if !fields.is_empty() {
        each(&fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_values_comments_and_lines_are_kept_apart() {
        let text = "# a comment\nTypes: deb\nURIs: http://a\n# inside\n http://b\n\n\nTypes:deb-src\nnonsense\n";
        let mut seen = Vec::new();
        paragraphs(text, |fields| {
            seen.push(fields.iter().map(|f| (f.name, f.value.to_owned(), f.line)).collect::<Vec<_>>());
        });
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0][0], ("Types", "deb".to_owned(), 2));
        assert_eq!(seen[0][1], ("URIs", "http://a\n# inside\n http://b".to_owned(), 3));
        assert_eq!(seen[1], [("Types", "deb-src".to_owned(), 8)]);
    }

    #[test]
    fn junk_is_passed_over() {
        for junk in ["", ":", " :\n:\n", "\n\n\n", " lost continuation\n", "a:\u{fffd}\r\n\r\nb", "é:ü"] {
            paragraphs(junk, |_| {});
        }
    }
}
