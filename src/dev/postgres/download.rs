//! Downloads Postgres' server binaries for machines that have none installed. They are the archives
//! of <https://github.com/theseus-rs/postgresql-binaries>, each with a file beside it that has its
//! SHA-256.

use std::fs::{self, File};
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use sha2::{Digest, Sha256};

use crate::dev::postgres::owner::Owner;
use crate::transport::{Http1Client, Roots};

/// Has a folder for each release, named after its version.
pub(super) const RELEASES: &str =
    "https://github.com/theseus-rs/postgresql-binaries/releases/download";
/// The version to download, of the same major version as the image in `docker-compose.yml`.
pub(super) const VERSION: &str = "17.11.0";

/// The rest of the target's name, after the architecture.
const SYSTEM: &str = if cfg!(target_os = "macos") {
    "apple-darwin"
} else if cfg!(target_env = "musl") {
    "unknown-linux-musl"
} else {
    "unknown-linux-gnu"
};
const MAX_REDIRECTS: usize = 5;
/// How long the server may take to answer, or to send the next bytes.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// Bytes of a file with a checksum.
const MAX_CHECKSUM_FILE: usize = 64 * 1024;

/// Downloads and unpacks the binaries into a folder of `directory`, unless they are there. Returns
/// the folder that has the programs.
pub(super) async fn download(
    releases: &str,
    owner: Owner,
    directory: &Path,
) -> anyhow::Result<PathBuf> {
    let unpacked = directory.join(VERSION);
    if unpacked.is_dir() {
        return Ok(unpacked.join("bin"));
    }

    let name = archive_name();
    let url = format!("{releases}/{VERSION}/{name}");
    let client = Http1Client::new(&Roots::load(None)?)?;
    // First, because it is small: a release that has none is not downloaded in vain.
    let published = published_checksum(&client, &format!("{url}.sha256")).await?;

    owner.make_directory(directory)?;
    let archive = directory.join(&name);
    let saved = save(&client, &url, &archive).await;
    let checked = saved.and_then(|actual| {
        ensure!(
            actual == published,
            "{url} is damaged: its SHA-256 is {actual}, and should be {published}"
        );
        unpack(&archive, owner, &unpacked)
    });

    // After an error too: the next run downloads it again, and never unpacks a damaged one.
    let _ = fs::remove_file(&archive);
    checked?;

    Ok(unpacked.join("bin"))
}

fn archive_name() -> String {
    format!(
        "postgresql-{VERSION}-{}-{SYSTEM}.tar.gz",
        std::env::consts::ARCH
    )
}

/// Reads the SHA-256 from a file that has it beside a file name, in hexadecimal digits.
async fn published_checksum(client: &Http1Client, url: &str) -> anyhow::Result<String> {
    let body = Limited::new(get(client, url).await?.into_body(), MAX_CHECKSUM_FILE).collect();
    let body = within(url, body).await?;
    let body = body.map_err(|error| anyhow!("{url} can't be read: {error}"))?;

    let text = String::from_utf8_lossy(&body.to_bytes()).to_lowercase();
    let is_checksum =
        |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let checksum = text.split_whitespace().find(is_checksum);
    Ok(checksum
        .with_context(|| format!("{url} has no SHA-256"))?
        .to_owned())
}

/// Writes what is at `url` to `path`. Returns its SHA-256 in hexadecimal digits.
async fn save(client: &Http1Client, url: &str, path: &Path) -> anyhow::Result<String> {
    let mut body = get(client, url).await?.into_body();
    let mut file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
    let mut hasher = Sha256::new();

    while let Some(frame) = within(url, body.frame()).await? {
        let frame = frame.with_context(|| format!("{url} broke off"))?;
        if let Some(bytes) = frame.data_ref() {
            hasher.update(bytes);
            file.write_all(bytes)
                .with_context(|| format!("can't write {}", path.display()))?;
        }
    }

    Ok(hexadecimal(&hasher.finalize()))
}

fn hexadecimal(digest: &[u8]) -> String {
    format!("{:x}", Bytes::copy_from_slice(digest))
}

/// Gets `url`, or what it is redirected to.
async fn get(client: &Http1Client, url: &str) -> anyhow::Result<Response<Incoming>> {
    let mut address: Uri = url.parse()?;

    for _ in 0..=MAX_REDIRECTS {
        let request = Request::get(&address)
            .header(
                header::USER_AGENT,
                concat!("bellwire/", env!("CARGO_PKG_VERSION")),
            )
            .body(Bytes::new())?;
        let response = within(url, client.send(request)).await??;
        if response.status().is_success() {
            return Ok(response);
        }

        let location = response.headers().get(header::LOCATION);
        let Some(location) = location.filter(|_| response.status().is_redirection()) else {
            bail!("{address} answers {}", response.status());
        };
        let next = Uri::try_from(location.as_bytes())?;
        // A redirect must not take away the encryption that `url` asks for.
        ensure!(
            next.scheme() == address.scheme(),
            "{address} redirects to {next}"
        );
        address = next;
    }
    bail!("{url} redirects more than {MAX_REDIRECTS} times")
}

async fn within<T>(url: &str, step: impl Future<Output = T>) -> anyhow::Result<T> {
    let done = tokio::time::timeout(STALLED_AFTER, step).await;

    done.with_context(|| format!("{url} sent nothing for {} s", STALLED_AFTER.as_secs()))
}

/// Unpacks beside `unpacked` and moves the result there, so that a half of it is never taken for
/// the whole.
fn unpack(archive: &Path, owner: Owner, unpacked: &Path) -> anyhow::Result<()> {
    let unfinished = unpacked.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    owner.make_directory(&unfinished)?;

    // Every system that Postgres is downloaded for has this program, so no library is needed.
    let output = Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(&unfinished)
        .arg("--strip-components=1")
        .stdin(Stdio::null())
        .output()
        .context("can't run tar")?;
    if !output.status.success() {
        let _ = fs::remove_dir_all(&unfinished);
        bail!(
            "tar can't unpack {}: {}",
            archive.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    fs::rename(&unfinished, unpacked).with_context(|| format!("can't make {}", unpacked.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;
    use crate::dev::postgres::binaries;
    use crate::dev::postgres::runtime::Runtime;

    /// What a server answers to each path.
    type Answers = HashMap<String, Vec<u8>>;

    /// Serves what `answers` makes for the server's own address. Returns that address.
    fn serve(answers: impl FnOnce(&str) -> Answers) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answers = answers(&address);

        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let path = head[0].split(' ').nth(1).unwrap();
                let missing = answer("404 Not Found", "", b"");
                let _ = stream.write_all(answers.get(path).unwrap_or(&missing));
            }
        });
        address
    }

    fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );

        [head.as_bytes(), body].concat()
    }

    /// An archive with programs that start those that are installed on this machine.
    fn archive() -> Vec<u8> {
        let installed = binaries::installed().remove(0).directory;
        let directory = tempfile::tempdir().unwrap();
        let programs = directory.path().join("postgresql/bin");
        fs::create_dir_all(&programs).unwrap();
        for name in ["initdb", "postgres"] {
            let program = installed.join(name);
            let script = format!("#!/bin/sh\nexec {} \"$@\"\n", program.display());
            fs::write(programs.join(name), script).unwrap();
        }

        let script = "chmod 755 postgresql/bin/* && tar -czf - postgresql";
        let mut tar = Command::new("sh");
        let output = tar.args(["-c", script]).current_dir(directory.path());
        output.output().unwrap().stdout
    }

    fn path(suffix: &str) -> String {
        format!("/{VERSION}/{}{suffix}", archive_name())
    }

    fn checksum_file(of: &[u8]) -> Vec<u8> {
        let digits = hexadecimal(&Sha256::digest(of)).to_uppercase();
        let line = format!("{digits}  {}\n", archive_name());

        answer("200 OK", "", line.as_bytes())
    }

    struct Tried {
        result: anyhow::Result<PathBuf>,
        /// What is left in the directory.
        left: Vec<String>,
        owner: Owner,
        _runtime: Runtime,
    }

    async fn try_download(releases: &str) -> Tried {
        let owner = Owner::choose().unwrap();
        let runtime = Runtime::make(owner).unwrap();
        let directory = runtime.path().join("binaries");

        let result = download(releases, owner, &directory).await;

        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        Tried {
            result,
            left: entries
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect(),
            owner,
            _runtime: runtime,
        }
    }

    #[tokio::test]
    async fn what_is_downloaded_can_be_run_by_the_servers_owner() {
        let archive = archive();
        let releases = serve(|address| {
            let moved = format!("Location: {address}/elsewhere\r\n");
            HashMap::from([
                (path(".sha256"), checksum_file(&archive)),
                (path(""), answer("302 Found", &moved, b"")),
                ("/elsewhere".to_owned(), answer("200 OK", "", &archive)),
            ])
        });

        let tried = try_download(&releases).await;

        let programs = tried.result.unwrap();
        assert_eq!(tried.left, [VERSION]);
        for name in ["initdb", "postgres"] {
            let mut program = tried.owner.command(programs.join(name));
            let output = program.arg("--version").output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }

    #[tokio::test]
    async fn what_is_there_is_not_downloaded_again() {
        let directory = tempfile::tempdir().unwrap();
        let programs = directory.path().join(VERSION).join("bin");
        fs::create_dir_all(&programs).unwrap();

        let owner = Owner::choose().unwrap();
        let found = download("http://127.0.0.1:1", owner, directory.path()).await;

        assert_eq!(found.unwrap(), programs);
    }

    #[tokio::test]
    async fn an_archive_with_another_checksum_is_refused_and_removed() {
        let archive = archive();
        let releases = serve(|_| {
            HashMap::from([
                (path(".sha256"), checksum_file(b"something else")),
                (path(""), answer("200 OK", "", &archive)),
            ])
        });

        let tried = try_download(&releases).await;

        let error = tried.result.unwrap_err().to_string();
        assert!(
            error.contains("is damaged: its SHA-256 is ") && error.contains(&archive_name()),
            "{error}"
        );
        assert_eq!(tried.left, [""; 0]);
    }

    #[tokio::test]
    async fn an_archive_that_breaks_off_is_refused_and_removed() {
        let archive = archive();
        let releases = serve(|_| {
            let mut broken = answer("200 OK", "", &archive);
            broken.truncate(broken.len() / 2);
            HashMap::from([
                (path(".sha256"), checksum_file(&archive)),
                (path(""), broken),
            ])
        });

        let tried = try_download(&releases).await;

        let error = tried.result.unwrap_err().to_string();
        assert!(error.contains("broke off"), "{error}");
        assert_eq!(tried.left, [""; 0]);
    }

    #[tokio::test]
    async fn a_release_that_is_missing_is_named() {
        let releases = serve(|_| Answers::new());

        let tried = try_download(&releases).await;

        let expected = format!("{releases}{} answers 404 Not Found", path(".sha256"));
        assert_eq!(tried.result.unwrap_err().to_string(), expected);
    }

    #[tokio::test]
    async fn a_redirect_to_another_scheme_is_refused() {
        let releases = serve(|_| {
            let elsewhere = "Location: https://127.0.0.1:1/\r\n";
            HashMap::from([(path(".sha256"), answer("302 Found", elsewhere, b""))])
        });

        let tried = try_download(&releases).await;

        let error = tried.result.unwrap_err().to_string();
        assert!(
            error.contains("redirects to https://127.0.0.1:1/"),
            "{error}"
        );
    }
}
