//! The server's certificate: read from files, and read again when they change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// How often the files are checked.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// The files of a certificate, in PEM.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The certificate, and then those that signed it.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What the files contain.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// TLS with the certificate of the files. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

/// The certificate that new connections get.
struct Current {
    key: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for Current {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Current(..)")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&key))
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> anyhow::Result<Self> {
        let read = |file: &Path| {
            std::fs::read(file).with_context(|| format!("can't read {}", file.display()))
        };

        Ok(Self {
            certificate: read(&files.certificate).context("server.tls_certificate_file")?,
            key: read(&files.key).context("server.tls_key_file")?,
        })
    }

    fn parse(&self) -> anyhow::Result<CertifiedKey> {
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .context("server.tls_certificate_file is not PEM")?;
        if chain.is_empty() {
            bail!("server.tls_certificate_file has no certificate in PEM");
        }

        // The parser's own message may quote the key.
        let Ok(key) = PrivateKeyDer::from_pem_slice(&self.key) else {
            bail!("server.tls_key_file has no private key in PEM; an encrypted key can't be read");
        };
        CertifiedKey::from_der(chain, key, &provider())
            .context("server.tls_key_file is not the key of server.tls_certificate_file")
    }
}

impl Tls {
    pub(crate) fn load(files: TlsFiles) -> anyhow::Result<Self> {
        let key = Contents::read(&files)?.parse()?;
        let current = Arc::new(Current {
            key: RwLock::new(Arc::new(key)),
        });

        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

        Ok(Self {
            files,
            current,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reads the files again whenever they have changed, until it is dropped. A certificate that
    /// can't be read is not taken, and the one before stays.
    pub(super) async fn keep_current(&self) {
        // Whatever was loaded at the start is loaded once more.
        let mut last: Option<Contents> = None;
        let mut ticks = tokio::time::interval(RELOAD_INTERVAL);

        loop {
            ticks.tick().await;

            // The thread also accepts connections and answers health checks, and a network file system
            // may hang. The next read begins only after this one has ended.
            let files = self.files.clone();
            let reading = tokio::task::spawn_blocking(move || Contents::read(&files));
            let read = reading
                .await
                .unwrap_or_else(|error| Err(anyhow::Error::new(error)));

            // Two files are written one after the other: what does not fit together yet is tried again
            // and is reported once.
            let contents = match read {
                Ok(contents) if last.as_ref() == Some(&contents) => continue,
                Ok(contents) => contents,
                Err(error) => {
                    if last.take().is_some() {
                        tracing::error!(
                            error = format!("{error:#}"),
                            "the certificate of the server can't be reloaded; the previous one \
                             stays in use"
                        );
                    }
                    continue;
                }
            };
            match contents.parse() {
                Ok(key) => self.take(key, last.is_some()),
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "the new certificate of the server can't be used; the previous one stays in use"
                ),
            }
            last = Some(contents);
        }
    }

    fn take(&self, key: CertifiedKey, is_new: bool) {
        let mut current = self
            .current
            .key
            .write()
            .unwrap_or_else(PoisonError::into_inner);

        *current = Arc::new(key);
        if is_new {
            tracing::info!("the server has a new certificate");
        }
    }
}

fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pair {
        certificate: String,
        key: String,
    }

    fn pair() -> Pair {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();

        Pair {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn parse(certificate: &str, key: &str) -> String {
        let contents = Contents {
            certificate: certificate.as_bytes().to_vec(),
            key: key.as_bytes().to_vec(),
        };
        let error = contents.parse().err();
        error.map(|error| format!("{error:#}")).unwrap_or_default()
    }

    /// A named pipe that nobody writes to hangs whoever reads it, as a network file system may.
    #[test]
    fn a_file_that_hangs_holds_up_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        };
        let pair = pair();
        std::fs::write(&files.certificate, pair.certificate).unwrap();
        std::fs::write(&files.key, pair.key).unwrap();
        let tls = Tls::load(files.clone()).unwrap();
        std::fs::remove_file(&files.certificate).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(&files.certificate)
            .status();
        assert!(pipe.unwrap().success());

        // On a thread of its own, so that a read that blocks fails the test and does not hang it.
        let (done, goes_on) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = tls.keep_current() => {}
                    () = tokio::time::sleep(Duration::from_millis(50)) => done.send(()).unwrap(),
                }
            });
            runtime.shutdown_background();
        });
        let went_on = goes_on.recv_timeout(Duration::from_secs(10));

        // A writer that comes and goes lets the reader go. It also reads, so that it need not wait for
        // the reader.
        let writer = std::fs::File::options()
            .read(true)
            .write(true)
            .open(&files.certificate);
        drop(writer.unwrap());
        went_on.expect("the read of the certificate holds up the thread");
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        let first = pair();
        let second = pair();

        assert_eq!(parse(&first.certificate, &first.key), "");
        let swapped = parse(&first.key, &first.certificate);
        assert!(
            swapped.contains("tls_certificate_file has no certificate"),
            "{swapped}"
        );
        let no_key = parse(&first.certificate, "-----BEGIN");
        assert!(
            no_key.contains("tls_key_file has no private key"),
            "{no_key}"
        );
        let foreign = parse(&first.certificate, &second.key);
        assert!(foreign.contains("is not the key of"), "{foreign}");
    }
}
