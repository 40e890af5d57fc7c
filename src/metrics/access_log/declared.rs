//! The form of a log as the web server's own settings declare it: `log_format` of nginx, `LogFormat` of Apache.

use super::form::{Form, Piece};
use crate::probes::web::LogFormat;

/// The form; none where it does not tell the status, or cannot be read back.
pub(super) fn form(format: &LogFormat) -> Option<Form> {
    match format {
        LogFormat::Nginx(text) => Form::new(nginx(text)),
        LogFormat::Apache(text) => Form::new(apache(text)),
    }
}

/// `$remote_addr - ${remote_user} [$time_local] "$request" $status`.
fn nginx(format: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some((text, behind)) = rest.split_once('$') {
        push(&mut pieces, text);
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (variable, next) = match behind.strip_prefix('{').and_then(|braced| braced.split_once('}')) {
            Some(braced) => braced,
            None => behind.split_at(behind.find(|c| !name(c)).unwrap_or(behind.len())),
        };
        pieces.push(match variable {
            "status" => Piece::Status,
            "body_bytes_sent" | "bytes_sent" => Piece::Bytes,
            "request_time" => Piece::Time(1.0),
            _ => Piece::Skip,
        });
        rest = next;
    }
    push(&mut pieces, rest);
    once(pieces)
}

/// `%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" %D`.
fn apache(format: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('t') => text.push('\t'),
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            '%' if chars.next_if_eq(&'%').is_some() => text.push('%'),
            '%' => {
                push(&mut pieces, &text);
                text.clear();
                // For which answers it counts, and whether the first or the last of several requests is meant.
                while chars.next_if(|c| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>')).is_some() {}
                let mut argument = String::new();
                if chars.next_if_eq(&'{').is_some() {
                    argument.extend(chars.by_ref().take_while(|c| *c != '}'));
                }
                let letter = match chars.next() {
                    Some('^') => {
                        chars.nth(1);
                        '^'
                    }
                    letter => letter.unwrap_or(' '),
                };
                match (letter, argument.as_str()) {
                    // Apache puts the usual time in brackets by itself.
                    ('t', "") => pieces.extend([Piece::Text("[".to_owned()), Piece::Skip, Piece::Text("]".to_owned())]),
                    ('s', "") => pieces.push(Piece::Status),
                    ('b' | 'B' | 'O', "") => pieces.push(Piece::Bytes),
                    ('D', "") | ('T', "us") => pieces.push(Piece::Time(0.000_001)),
                    ('T', "ms") => pieces.push(Piece::Time(0.001)),
                    ('T', "" | "s") => pieces.push(Piece::Time(1.0)),
                    _ => pieces.push(Piece::Skip),
                }
            }
            c => text.push(c),
        }
    }
    push(&mut pieces, &text);
    once(pieces)
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// The first status, length and time count; the finest time where there are several.
fn once(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let finest =
        pieces.iter().filter_map(|p| if let Piece::Time(unit) = p { Some(*unit) } else { None }).reduce(f64::min);
    let mut seen = Vec::new();
    for piece in &mut pieces {
        let kind = std::mem::discriminant(piece);
        let other = matches!(piece, Piece::Time(unit) if Some(*unit) != finest) || seen.contains(&kind);
        match piece {
            Piece::Text(_) | Piece::Skip => {}
            _ if other => *piece = Piece::Skip,
            _ => seen.push(kind),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{super::form::Line, *};

    fn read(format: &LogFormat, line: &str) -> Line {
        let (line, whole) = form(format).unwrap().read(line.as_bytes()).unwrap();
        assert!(whole);
        line
    }

    #[test]
    fn formats_of_nginx_are_understood() {
        let main = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "${http_user_agent}" rt=$request_time uct="$upstream_connect_time""#;
        let line = r#"::1 - me [26/Nov/2026:11:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "x" rt=0.120 uct="-""#;
        let expected = Line { status: 200, bytes: 12, seconds: Some(0.12) };
        assert_eq!(read(&LogFormat::Nginx(main.to_owned()), line), expected);
        let json =
            r#"{"time":"$time_iso8601","request":"$request","status":$status,"took":$request_time,"size":$bytes_sent}"#;
        let line = r#"{"time":"2026-11-26T11:00:00+00:00","request":"GET /\"},\"status\":500 HTTP/1.1","status":200,"took":0.120,"size":12}"#;
        assert_eq!(read(&LogFormat::Nginx(json.to_owned()), line), expected);
        for unusable in ["", "$remote_addr", "$status$request_time", "$", "${status"] {
            assert!(form(&LogFormat::Nginx(unusable.to_owned())).is_none(), "{unusable}");
        }
    }

    #[test]
    fn formats_of_apache_are_understood() {
        let line = "web:80 ::1 - me [26/Nov/2026:11:00:00 +0000] \"GET /a\\\"b HTTP/1.1\" 404 - \"-\" \"x\" 0 1500";
        let format = "%v:%p %h %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" \\\"%{User-Agent}i\\\" %T %D";
        let expected = Line { status: 404, bytes: 0, seconds: Some(0.0015) };
        assert_eq!(read(&LogFormat::Apache(format.to_owned()), line), expected);
        // As it stands where the settings were read already.
        assert_eq!(read(&LogFormat::Apache(format.replace('\\', "")), line), expected);
        let format = "%{%s}t 100%% %!200,304{X}i %^FB \"%r\" %s %B %{ms}T\\tend";
        let line = "1795692200 100% x y \"GET /\" 200 5 30\tend";
        let expected = Line { status: 200, bytes: 5, seconds: Some(0.03) };
        assert_eq!(read(&LogFormat::Apache(format.to_owned()), line), expected);
        for unusable in ["%", "%{x", "%^", "%>s%b", "\\"] {
            assert!(form(&LogFormat::Apache(unusable.to_owned())).is_none(), "{unusable}");
        }
    }
}
