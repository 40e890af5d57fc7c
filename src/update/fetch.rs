//! Getting files from a server of releases: encrypted at every step, never more than is asked for, never for longer than
//! makes sense. What comes is not believed by that; signatures decide.

use std::{
    io::{Read, Write},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use self_update::{
    http_client::{HeaderMap, HttpClient as _, UreqClient},
    ureq::{
        self, Agent, Proxy,
        tls::{Certificate, RootCerts, TlsConfig, TlsProvider},
    },
};

use super::UpdateError;
use crate::{
    net::tls,
    words::{said, size},
};

/// Where releases come from, and how to get there.
#[derive(Debug, Clone)]
pub struct Source {
    /// The address under which a release server has what `make release` wrote.
    pub url: String,
    /// The proxy; without it, the one that the environment names.
    pub proxy: Option<String>,
    /// Certificates to trust beside those of this machine.
    pub ca_file: Option<PathBuf>,
    /// How long it may take.
    pub patience: Patience,
}

/// How long getting something may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the line stands.
    pub connect: Duration,
    /// Between one piece and the next, and for a small file as a whole.
    pub silence: Duration,
    /// The least bytes a second, over all that came.
    pub pace: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { connect: Duration::from_secs(20), silence: Duration::from_secs(30), pace: 8 << 10 }
    }
}

/// Manifests and signatures are small.
const SMALL: u64 = 64 << 10;

/// A line to a server of releases.
pub(super) struct Server {
    client: UreqClient,
    url: String,
    name: String,
    patience: Patience,
}

impl Server {
    /// Gets ready to ask.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub(super) fn new(source: &Source) -> Result<Self, UpdateError> {
        address(&source.url).map_err(UpdateError::Settings)?;
        let host = source.url.split('/').nth(2).unwrap_or_default().rsplit('@').next().unwrap_or_default();
        let name = format!("the server {}", said(host));
        let roots = tls::certificates(source.ca_file.as_deref()).map_err(UpdateError::Settings)?;
        let roots: Vec<_> = roots.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
        let proxy = match &source.proxy {
            Some(proxy) => Some(Proxy::new(proxy).map_err(|_| UpdateError::Settings(no_proxy(proxy)))?),
            None => Proxy::try_from_env(),
        };
        let encryption =
            TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(RootCerts::Specific(Arc::new(roots)));
        let config = Agent::config_builder()
            // A server that sends elsewhere may send to another place, and never to an open line.
            .https_only(true)
            .max_redirects(5)
            .tls_config(encryption.build())
            .proxy(proxy)
            .timeout_connect(Some(source.patience.connect))
            .timeout_recv_response(Some(source.patience.silence))
            .timeout_per_read(Some(source.patience.silence))
            .http_status_as_error(false)
            .build();
        let client = UreqClient::from(Agent::new_with_config(config));
        Ok(Server { client, url: source.url.trim_end_matches('/').to_owned(), name, patience: source.patience })
    }

    /// A small file, whole.
    pub(super) fn small(&self, path: &str) -> Result<Vec<u8>, UpdateError> {
        let mut bytes = Vec::new();
        self.get(path, SMALL, &mut bytes, &mut |_| {})?;
        Ok(bytes)
    }

    /// A file of at most so many bytes; says how many came as they come.
    pub(super) fn get(
        &self,
        path: &str,
        most: u64,
        to: &mut impl Write,
        told: &mut dyn FnMut(u64),
    ) -> Result<(), UpdateError> {
        let url = format!("{}/{path}", self.url);
        let broke = |why: String| UpdateError::Fetch(format!("{} {why}", self.name));
        let answer = self.client.get(&url, &HeaderMap::new(), None).map_err(|e| self.failed(path, &e))?;
        let mut body = answer.body();
        let start = Instant::now();
        let (mut came, mut piece) = (0u64, vec![0; 64 << 10]);
        loop {
            let n = match body.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(broke(format!("broke off after {}: {}", size(came as f64), self.why(&e)))),
            };
            came += n as u64;
            if came > most {
                return Err(broke(format!("sends more than the {} that {path} may have", size(most as f64))));
            }
            // Byte after byte, it would go on for ever.
            let took = start.elapsed();
            if took > self.patience.silence && came < took.as_secs().max(1) * self.patience.pace {
                return Err(broke(format!("is too slow: {} came in {} seconds", size(came as f64), took.as_secs())));
            }
            to.write_all(piece.get(..n).unwrap_or_default())
                .map_err(|e| UpdateError::io(std::path::Path::new(path), &e))?;
            told(came);
        }
        Ok(())
    }

    /// What went wrong before anything came.
    fn failed(&self, path: &str, error: &self_update::Error) -> UpdateError {
        use self_update::Error as E;
        let fetch = |why: String| UpdateError::Fetch(format!("{} {why}", self.name));
        match error {
            E::NotFound { .. } => UpdateError::NotThere { server: self.name.clone(), what: said(path) },
            E::Unauthorized { .. } => fetch("wants a name and a password, or does not let this machine in".to_owned()),
            E::RateLimited { .. } => fetch("was asked too often, and wants to be asked later".to_owned()),
            E::Transport(cause) => match cause.downcast_ref::<ureq::Error>() {
                Some(ureq::Error::RequireHttpsOnly(to)) => {
                    fetch(format!("sends to an address that is not encrypted ({}), and that is not followed", said(to)))
                }
                Some(ureq::Error::Rustls(error)) => fetch(disbelief(error)),
                Some(ureq::Error::Io(error)) => match self.why(error) {
                    why if why.starts_with("has ") => fetch(why),
                    why => fetch(format!("could not be reached ({why})")),
                },
                Some(ureq::Error::HostNotFound) => fetch("was not found in the network".to_owned()),
                Some(ureq::Error::TooManyRedirects) => {
                    fetch("sends from one address to the next without end".to_owned())
                }
                Some(ureq::Error::Timeout(_)) => fetch("did not answer in time".to_owned()),
                Some(ureq::Error::ConnectProxyFailed(why)) => {
                    UpdateError::Fetch(format!("The proxy does not lead to {}: {}", self.name, said(why)))
                }
                _ => fetch(format!("could not be asked: {}", said(&cause.to_string()))),
            },
            other => fetch(format!("did not give {}: {}", said(path), said(&other.to_string()))),
        }
    }

    /// A broken line in words.
    fn why(&self, error: &std::io::Error) -> String {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|e| e.downcast_ref::<rustls::Error>()) {
            return disbelief(error);
        }
        if error.kind() == std::io::ErrorKind::TimedOut
            || matches!(inner.and_then(|e| e.downcast_ref::<ureq::Error>()), Some(ureq::Error::Timeout(_)))
        {
            return "nothing came for too long".to_owned();
        }
        said(&error.to_string())
    }
}

fn disbelief(error: &rustls::Error) -> String {
    tls::disbelief(error).unwrap_or_else(|| format!("could not be locked to: {}", said(&error.to_string())))
}

fn no_proxy(proxy: &str) -> String {
    // A proxy's address may hold a password.
    let shown = proxy.rsplit('@').next().unwrap_or_default();
    format!("`{}` is no address of a proxy, such as `http://proxy.example.org:3128`", said(shown))
}

/// Whether releases may come from this address.
///
/// # Errors
/// What would be right, as a sentence.
pub fn address(url: &str) -> Result<(), String> {
    let fits =
        url::Url::parse(url).is_ok_and(|u| u.scheme() == "https" && u.host_str().is_some() && u.query().is_none());
    if fits {
        return Ok(());
    }
    Err(format!("`{}` is no address of a server of releases, such as `https://example.org/cleanbill`", said(url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_encrypted_address_will_do() {
        assert!(address("https://example.org/cleanbill").is_ok());
        assert!(address("https://example.org:8443").is_ok());
        for bad in ["http://example.org/", "example.org", "file:///srv", "https://", "https://example.org/?x", ""] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
