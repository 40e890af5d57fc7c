//! The rule by which a browser uses what stands in the page and nothing else: no address, no other style, no other
//! script.

use base64ct::{Base64, Encoding as _};
use sha2::{Digest, Sha256};

/// Stands in the template where the rule goes.
const POLICY: &str = "CONTENT_POLICY";

/// Puts the rule into the page.
pub(super) fn seal(page: &str) -> String {
    // Only a picture of this page may be shown; without one, none.
    let image = if page.contains("<img ") { "data:" } else { "'none'" };
    let rule = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src {image}; base-uri 'none'; form-action 'none'",
        hashes(page, "style"),
        hashes(page, "script"),
    );
    page.replacen(POLICY, &rule, 1)
}

/// The hashes of what stands in elements of this name. Text of the report can form none: it is escaped.
fn hashes(page: &str, element: &str) -> String {
    let (start, end) = (format!("<{element}>"), format!("</{element}>"));
    let inner = page.split(&start).skip(1).filter_map(|rest| Some(rest.split_once(&end)?.0));
    let hashes: Vec<String> =
        inner.map(|text| format!("'sha256-{}'", Base64::encode_string(&Sha256::digest(text.as_bytes())))).collect();
    if hashes.is_empty() { "'none'".to_owned() } else { hashes.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_names_the_style_and_the_script_of_the_page_and_nothing_else() {
        let hash = |text: &[u8]| Base64::encode_string(&Sha256::digest(text));
        let page = seal("a CONTENT_POLICY <style>p{}</style> CONTENT_POLICY <script>let a\n</script>");
        let rule = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src 'none'; base-uri 'none'; form-action 'none'",
            hash(b"p{}"),
            hash(b"let a\n")
        );
        assert_eq!(page, format!("a {rule} <style>p{{}}</style> CONTENT_POLICY <script>let a\n</script>"));
    }

    #[test]
    fn a_page_without_script_runs_none_and_one_with_a_logo_may_show_it() {
        let rule = seal("CONTENT_POLICY<img alt>");
        assert!(rule.contains("style-src 'none'; script-src 'none'; img-src data:;"), "{rule}");
    }
}
