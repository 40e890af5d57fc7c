//! A drawing as SVG text. Colours are presentation attributes, so that it is right without a style sheet; a page
//! restyles them by setting `color` for the classes of the inks.

use std::fmt::Write as _;

use super::{Anchor, Drawing, Ink, Segment, Shape, Stroke};

/// The picture with its title and its words for people who cannot see it.
pub fn svg(drawing: &Drawing) -> String {
    let harmless = |text: &str| escape(&crate::words::harmless(text));
    let (name, title, words) = (escape(&drawing.name), harmless(&drawing.title), harmless(&drawing.words));
    let mut out = format!(
        r#"<svg class="chart {name}" viewBox="0 0 {} {}" role="img" aria-labelledby="{name}-title {name}-desc" fill="currentColor" font-family="Inter,sans-serif" xmlns="http://www.w3.org/2000/svg"><title id="{name}-title">{title}</title><desc id="{name}-desc">{words}</desc>"#,
        number(drawing.width),
        number(drawing.height),
    );
    let parts: Vec<(String, String)> = drawing.shapes.iter().flat_map(parts).collect();
    // What looks the same shares a group, which says once how it looks.
    for group in parts.chunk_by(|a, b| a.0 == b.0) {
        let Some((look, first)) = group.first() else { continue };
        if group.len() == 1 {
            let (tag, rest) = first.split_once(' ').unwrap_or((first, ""));
            let _ = write!(out, "{tag} {look} {rest}");
            continue;
        }
        let _ = write!(out, "<g {look}>");
        group.iter().for_each(|(_, element)| out.push_str(element));
        out.push_str("</g>");
    }
    out.push_str("</svg>");
    out
}

/// How a shape looks, and its element without that. One that is filled and stroked is drawn in two parts.
fn parts(shape: &Shape) -> Vec<(String, String)> {
    match shape {
        Shape::Path { segments, fill, stroke } => {
            let element = format!(r#"<path d="{}"/>"#, path(segments));
            let fill = fill.map(|ink| (colour(ink), element.clone()));
            let stroke = stroke.map(|s| (pen(s), element.clone()));
            fill.into_iter().chain(stroke).collect()
        }
        Shape::Text { x, y, size, anchor, bold, ink, text } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => r#" text-anchor="middle""#,
                Anchor::End => r#" text-anchor="end""#,
            };
            let bold = if *bold { r#" font-weight="700""# } else { "" };
            let look = format!(r#"{} font-size="{}"{anchor}{bold}"#, colour(*ink), number(*size));
            vec![(look, format!(r#"<text x="{}" y="{}">{}</text>"#, number(*x), number(*y), escape(text)))]
        }
    }
}

fn colour(ink: Ink) -> String {
    format!(r##"class="{}" color="#{:06x}""##, ink.class(), ink.rgb())
}

fn pen(Stroke { ink, width, dash, round }: Stroke) -> String {
    let mut look = format!(r#"{} fill="none" stroke="currentColor" stroke-width="{}""#, colour(ink), number(width));
    if let Some((on, off)) = dash {
        let _ = write!(look, r#" stroke-dasharray="{} {}""#, number(on), number(off));
    }
    if round {
        look.push_str(r#" stroke-linecap="round" stroke-linejoin="round""#);
    }
    look
}

fn path(segments: &[Segment]) -> String {
    let mut d = String::new();
    for segment in segments {
        let (letter, numbers) = match *segment {
            Segment::Move(x, y) => ('M', vec![x, y]),
            Segment::Line(x, y) => ('L', vec![x, y]),
            Segment::Curve(a, b, c, e, x, y) => ('C', vec![a, b, c, e, x, y]),
            Segment::Close => ('Z', Vec::new()),
        };
        d.push(letter);
        d.push_str(&numbers.into_iter().map(number).collect::<Vec<_>>().join(" "));
    }
    d
}

/// A number to one tenth, as short as it can be; a wild one is 0, since a page must never hold `NaN`.
fn number(x: f64) -> String {
    let tenth = (x * 10.0).round() / 10.0;
    if !tenth.is_finite() || tenth == 0.0 { "0".to_owned() } else { format!("{tenth}") }
}

/// Text as it may stand in an element or an attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match entity(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    out
}

/// Characters that could form markup here, or an instruction for a template engine the page is pasted into.
pub fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '`' => Some("&#96;"),
        '{' => Some("&#123;"),
        '}' => Some("&#125;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::pen::{BODY, SMALL, from_to, line, rect};

    fn small() -> Drawing {
        let mut d = Drawing::new("tiny", "A chart", (40.0, 20.04));
        d.words = "It says <b> {{ 7*7 }}.".to_owned();
        d.fill(Ink::High, rect(0.0, -0.01, 10.25, 5.0));
        d.stroke(line(Ink::Grid, 1.0), from_to((0.0, 5.0), (40.0, 5.0)));
        d.stroke(line(Ink::Grid, 1.0), from_to((0.0, 9.0), (f64::NAN, 9.0)));
        d.text((3.0, 4.0), SMALL.end(), "`</text>{% x %}");
        d.text((3.0, 4.0), BODY, "b");
        d
    }

    #[test]
    fn it_is_short_and_says_once_how_things_look() {
        insta::assert_snapshot!(svg(&small()).replace('>', ">\n"));
    }

    #[test]
    fn text_stays_text_and_wild_numbers_stay_numbers() {
        let out = svg(&small());
        assert!(!out.contains('{') && !out.contains("<b>") && !out.contains('`') && !out.contains("NaN"));
        assert!(out.contains("&#96;&lt;/text&gt;&#123;% x %&#125;"));
        assert_eq!(out.matches("<text").count(), 2);
    }
}
