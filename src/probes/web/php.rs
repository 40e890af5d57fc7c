//! PHP's settings for each way in which it is run: php.ini, then conf.d, then what a pool sets for itself.

use super::PhpSetting;
use crate::{
    facts::{Facts, Gap},
    host::Host,
    probes::servers::number,
};

/// Settings that decide on safety, with what PHP does when they are not set.
const SETTINGS: [(&str, &str); 11] = [
    ("allow_url_fopen", "1"),
    ("allow_url_include", "0"),
    ("disable_functions", ""),
    ("display_errors", "1"),
    ("display_startup_errors", "1"),
    ("expose_php", "1"),
    ("log_errors", "1"),
    ("open_basedir", ""),
    ("session.cookie_httponly", "0"),
    ("session.cookie_secure", "0"),
    ("session.use_strict_mode", "0"),
];

/// Reads all versions.
pub(super) fn read(host: &Host, facts: &mut Facts) {
    let mut any = false;
    for path in host.glob("/etc/php/*/*/php.ini") {
        let mut parts = path.rsplit('/').skip(1);
        let (Some(sapi), Some(version)) = (parts.next(), parts.next()) else { continue };
        let program = match sapi {
            "fpm" => format!("/usr/sbin/php-fpm{version}"),
            "apache2" => format!("/usr/lib/apache2/modules/libphp{version}.so"),
            "cgi" => format!("/usr/bin/php-cgi{version}"),
            "cli" => format!("/usr/bin/php{version}"),
            _ => continue,
        };
        if host.exists(&program) {
            any = true;
            one(host, facts, &path, version, sapi);
        }
    }
    if !any {
        facts.absent::<PhpSetting>("PHP is not installed");
    }
}

fn one(host: &Host, facts: &mut Facts, ini: &str, version: &str, sapi: &str) {
    let dir = ini.trim_end_matches("/php.ini");
    let mut files = vec![ini.to_owned()];
    files.extend(host.glob(&format!("{dir}/conf.d/*.ini")));
    let mut found: Vec<(String, String, String, i64)> = Vec::new();
    let mut complete = true;
    for path in files {
        match host.read_text(&path) {
            Ok(text) => {
                for (index, line) in text.lines().enumerate() {
                    if let Some((name, value)) = setting(line)
                        && SETTINGS.iter().any(|(known, _)| *known == name)
                    {
                        found.push((name.to_owned(), value, path.clone(), number(index + 1)));
                    }
                }
            }
            Err(error) => {
                complete = false;
                facts.partial::<PhpSetting>(Gap::new("how PHP is set up", path, error.reason()));
            }
        }
    }
    for (name, default) in SETTINGS {
        let last = found.iter().rev().find(|f| f.0 == name);
        let (value, source, line) = match last {
            Some((_, value, source, line)) => (value.clone(), source.clone(), Some(*line)),
            None if complete => (default.to_owned(), "built-in default".to_owned(), None),
            None => continue,
        };
        facts.push(PhpSetting {
            source,
            line,
            version: version.to_owned(),
            sapi: sapi.to_owned(),
            pool: None,
            name: name.to_owned(),
            value,
        });
    }
    if sapi == "fpm" {
        for path in host.glob(&format!("{dir}/pool.d/*.conf")) {
            pool(host, facts, &path, version);
        }
    }
}

fn pool(host: &Host, facts: &mut Facts, path: &str, version: &str) {
    let text = match host.read_text(path) {
        Ok(text) => text,
        Err(error) => return facts.partial::<PhpSetting>(Gap::new("how PHP is set up", path, error.reason())),
    };
    let mut pool = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
            pool = name.to_owned();
        }
        let inner = ["php_admin_value[", "php_value[", "php_admin_flag[", "php_flag["]
            .iter()
            .find_map(|p| line.strip_prefix(p))
            .and_then(|rest| rest.split_once(']'));
        let Some((name, value)) = inner else { continue };
        if let Some((_, value)) = setting(&format!("x{value}")) {
            facts.push(PhpSetting {
                source: path.to_owned(),
                line: Some(number(index + 1)),
                version: version.to_owned(),
                sapi: "fpm".to_owned(),
                pool: Some(pool.clone()),
                name: name.to_owned(),
                value,
            });
        }
    }
}

/// `name = value ; comment`; words for yes and no become 1 and 0.
fn setting(line: &str) -> Option<(&str, String)> {
    let line = line.trim();
    if line.starts_with([';', '[', '#']) {
        return None;
    }
    let (name, value) = line.split_once('=')?;
    let value = value.trim();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => value.split(';').next().unwrap_or_default().trim(),
    };
    let value = match value.to_ascii_lowercase().as_str() {
        "on" | "yes" | "true" => "1",
        "off" | "no" | "false" | "none" => "0",
        _ => value,
    };
    Some((name.trim(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn php_values_are_read_with_comments_and_quotes() {
        assert_eq!(setting("display_errors = Off ; never"), Some(("display_errors", "0".to_owned())));
        assert_eq!(setting("open_basedir=\"/srv;x\""), Some(("open_basedir", "/srv;x".to_owned())));
        assert_eq!(setting(";expose_php = On"), None);
    }
}
