//! Keys and certificates as people have them: PEM with its line ends escaped once or twice, PEM on one
//! line, PEM or DER in base64. Says what a file is that is of no use here.

use std::fmt::Write;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// How often a text may be base64 of base64: secrets of Kubernetes add one layer.
const MAX_LAYERS: usize = 3;

/// Characters on a line of PEM.
const LINE: usize = 64;

/// Some tools leave out the padding, or leave bits set in the last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

// Parts of DER that show what a file is.
const PKCS12_VERSION: [u8; 4] = [0x02, 0x01, 0x03, 0x30];
const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// 1.2.840.113549.1.5 (PKCS #5), with which an encrypted key begins.
const PKCS5: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
/// 1.2.840.113549.1.12 (PKCS #12), with which one of an older kind begins.
const PKCS12: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c];

/// What a text holds that should be a key or a certificate.
pub(super) struct KeyFile {
    parts: Vec<Part>,
}

struct Part {
    kind: Kind,
    /// May be a secret.
    der: Zeroizing<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    PrivateKey,
    Certificate,
    EncryptedKey,
    PublicKey,
    Request,
    Pkcs12,
    Pkcs7,
    OpenSshKey,
    Json,
    /// The base64 between the PEM lines can't be read.
    Damaged,
    /// Something that is skipped, such as the parameters of a curve.
    Other,
}

impl KeyFile {
    /// Reads `text`; `None`: it is neither PEM nor DER, nor the base64 of either.
    pub(super) fn read(text: &str) -> Option<Self> {
        Self::read_layers(text, MAX_LAYERS)
    }

    fn read_layers(text: &str, layers: usize) -> Option<Self> {
        // Some editors begin a UTF-8 file with this byte order mark.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('{') {
            return Some(Self::of(Kind::Json, Zeroizing::default()));
        }
        if text.contains(BEGIN) {
            return Some(Self {
                parts: pem_parts(&unescaped(text)),
            });
        }

        let bytes = decode_base64(&unescaped(text))?;
        if let Some(kind) = kind_of_der(&bytes) {
            return Some(Self::of(kind, bytes));
        }

        // The bytes may be text: PEM, or base64 once more.
        let inner = std::str::from_utf8(&bytes).ok()?;
        Self::read_layers(inner, layers.checked_sub(1)?)
    }

    fn of(kind: Kind, der: Zeroizing<Vec<u8>>) -> Self {
        Self {
            parts: vec![Part { kind, der }],
        }
    }

    /// The first private key. The error is the rest of a sentence about the field.
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, String> {
        let key = self
            .parts
            .iter()
            .find(|part| part.kind == Kind::PrivateKey)
            .ok_or_else(|| self.objection("a private key"))?;

        PrivateKeyDer::try_from(key.der.to_vec())
            .map_err(|_| "must be a private key in PKCS#8, PKCS#1 or SEC1".to_owned())
    }

    /// All certificates, at least one. The error is the rest of a sentence about the field.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let certificates: Vec<_> = self
            .parts
            .iter()
            .filter(|part| part.kind == Kind::Certificate)
            .map(|part| CertificateDer::from(part.der.to_vec()))
            .collect();

        if certificates.is_empty() {
            return Err(self.objection("an X.509 certificate"));
        }
        Ok(certificates)
    }

    /// Says what the file is, which was to be `wanted`.
    fn objection(&self, wanted: &str) -> String {
        let kinds = self.parts.iter().map(|part| part.kind);
        let kind = kinds
            .into_iter()
            // A skipped part, such as the parameters of a curve, may come before the one that the
            // person meant.
            .find(|kind| *kind != Kind::Other)
            .unwrap_or(Kind::Other);

        match kind {
            Kind::EncryptedKey => "is encrypted with a password; decrypt it with `openssl pkey -in FILE \
                 -out key.pem`, and send the content of key.pem"
                .to_owned(),
            Kind::Pkcs12 => "is a PKCS#12 file (.p12, .pfx); convert it with `openssl pkcs12 -in FILE -clcerts \
                 -nokeys -out certificate.pem` and `openssl pkcs12 -in FILE -nocerts -nodes -out key.pem` (OpenSSL 3 \
                 may need -legacy), and send them as certificate and privateKey"
                .to_owned(),
            Kind::Damaged => "is damaged: the base64 between its BEGIN and END lines can't be read; copy the whole \
                 file again"
                .to_owned(),
            Kind::Json => format!("is a JSON file, but must be {wanted}; send the members of the file as content"),
            Kind::PrivateKey => format!("is a private key, but must be {wanted}"),
            Kind::Certificate => format!("is a certificate, but must be {wanted}"),
            Kind::PublicKey => format!("is a public key, but must be {wanted}"),
            Kind::Request => format!(
                "is a certificate signing request, but must be {wanted}; Apple issues the \
                 certificate for it"
            ),
            Kind::Pkcs7 => format!("is a PKCS#7 file, but must be {wanted}; convert it with `openssl pkcs7 -print_certs`"),
            Kind::OpenSshKey => format!("is a key of OpenSSH, but must be {wanted}"),
            Kind::Other => format!("must be {wanted} as PEM"),
        }
    }
}

/// `der` as PEM.
pub(super) fn to_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    // Room for all of it from the start: a string that grows leaves copies of the key behind.
    let mut pem = Zeroizing::new(String::with_capacity(body.len() + body.len() / LINE + 80));

    // Writing to a string does not fail.
    let _ = writeln!(pem, "{BEGIN}{label}{DASHES}");
    for line in body.as_bytes().chunks(LINE) {
        let _ = writeln!(pem, "{}", String::from_utf8_lossy(line));
    }
    let _ = writeln!(pem, "{END}{label}{DASHES}");
    pem
}

/// Undoes the escapes of JSON, of a shell or of an environment file, applied any number of times: a
/// backslash is in no PEM and in no base64.
fn unescaped(text: &str) -> Zeroizing<String> {
    // No escape is shorter than its character, so the string never grows and leaves no copy of a
    // key behind.
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text.chars().peekable();

    while let Some(character) = rest.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }

        while rest.next_if_eq(&'\\').is_some() {}
        match rest.peek() {
            Some('n' | 'r' | 't') => {
                rest.next();
                plain.push('\n');
            }
            // `\u003d` is how some JSON encoders write `=`.
            Some('u') => {
                rest.next();
                let digits: String = rest.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok();
                plain.extend(code.and_then(char::from_u32));
            }
            _ => {}
        }
    }

    plain
}

/// The parts of a PEM document. Line ends do not matter.
fn pem_parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;

    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((label, body)) = after.split_once(DASHES) else {
            break;
        };
        // A copy may lack its last line. Base64 that was cut short is found when the key is parsed.
        let (body, after) = body.split_once(END).unwrap_or((body, ""));
        rest = after;

        parts.push(pem_part(label.trim(), body));
    }

    parts
}

fn pem_part(label: &str, body: &str) -> Part {
    let kind = match label {
        // OpenSSL's older form: <https://www.rfc-editor.org/rfc/rfc1421#section-4.6>.
        _ if body.contains("Proc-Type") => Kind::EncryptedKey,
        "ENCRYPTED PRIVATE KEY" => Kind::EncryptedKey,
        "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => Kind::PrivateKey,
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Kind::Certificate,
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "EC PUBLIC KEY" => Kind::PublicKey,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Kind::Request,
        "PKCS7" | "CMS" => Kind::Pkcs7,
        "PKCS12" => Kind::Pkcs12,
        "OPENSSH PRIVATE KEY" => Kind::OpenSshKey,
        _ => Kind::Other,
    };

    match decode_base64(body) {
        Some(der) => Part { kind, der },
        // Only these are read. Of any other kind, its name is the better message.
        None if matches!(kind, Kind::PrivateKey | Kind::Certificate) => Part {
            kind: Kind::Damaged,
            der: Zeroizing::default(),
        },
        None => Part {
            kind,
            der: Zeroizing::default(),
        },
    }
}

/// Decodes base64 of either alphabet, whatever its line ends; `None`: it is not base64, or empty.
fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    // Room for all of it from the start, so that no copy of a key is left behind.
    let mut one_line = Zeroizing::new(String::with_capacity(text.len()));
    let characters = text
        .chars()
        .filter(|character| !character.is_whitespace() && !"\"'".contains(*character));
    one_line.extend(characters.map(|character| match character {
        '-' => '+',
        '_' => '/',
        other => other,
    }));

    let decoded = LENIENT.decode(one_line.as_bytes()).ok();
    decoded
        .filter(|bytes| !bytes.is_empty())
        .map(Zeroizing::new)
}

/// What a DER file is; `None`: it is no DER that is known here.
fn kind_of_der(der: &[u8]) -> Option<Kind> {
    let content = content_of_sequence(der)?;
    // Before the test for a private key, because both begin with an integer.
    if content.starts_with(&PKCS12_VERSION) {
        return Some(Kind::Pkcs12);
    }
    if content.first() == Some(&INTEGER) {
        return PrivateKeyDer::try_from(der)
            .is_ok()
            .then_some(Kind::PrivateKey);
    }
    if content.first() == Some(&OBJECT_ID) {
        return Some(Kind::Pkcs7);
    }
    if X509Certificate::from_der(der).is_ok() {
        return Some(Kind::Certificate);
    }

    // What is left begins with a SEQUENCE: a request with a version, the others with an algorithm.
    let inner = content_of_sequence(content)?;
    let has = |id: &[u8; 8]| inner.get(2..).is_some_and(|rest| rest.starts_with(id));
    match *inner.first()? {
        INTEGER => Some(Kind::Request),
        OBJECT_ID if has(&PKCS5) || has(&PKCS12) => Some(Kind::EncryptedKey),
        OBJECT_ID => Some(Kind::PublicKey),
        _ => None,
    }
}

/// What follows the head of a SEQUENCE that is at least two bytes long.
fn content_of_sequence(der: &[u8]) -> Option<&[u8]> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if tag != SEQUENCE {
        return None;
    }

    // From 0x80 on, the low bits count the bytes of the length.
    match length.checked_sub(0x80) {
        None => Some(rest),
        Some(bytes) => rest.get(usize::from(bytes)..),
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};

    use super::*;

    fn pem() -> String {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .unwrap()
            .serialize_pem()
    }

    fn der_of(text: &str) -> Vec<u8> {
        let file = KeyFile::read(text).unwrap_or_else(|| panic!("{text}"));
        let key = file
            .private_key()
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        key.secret_der().to_vec()
    }

    #[test]
    fn a_key_is_read_however_its_line_ends_were_written() {
        let pem = pem();
        let der = der_of(&pem);
        let lines = |end: &str| pem.trim_end().lines().collect::<Vec<_>>().join(end);

        for text in [
            lines("\\n"),
            lines("\\\\n"),
            lines("\\\\\\\\n"),
            lines("\\r\\n"),
            lines("\\\\r\\\\n"),
            lines("\r\n"),
            lines("\r"),
            lines(" "),
            lines(""),
            format!("\"{}\"", lines("\\n")),
            format!("\u{feff}  {pem}\n\n"),
            format!("Bag Attributes\n    friendlyName: x\n{pem}"),
            pem.replace('/', "\\/").replace('=', "\\u003d"),
            STANDARD.encode(&pem),
            STANDARD.encode(STANDARD.encode(&pem)),
            STANDARD.encode(&der),
            URL_SAFE_NO_PAD.encode(&der),
            pem.trim_end().trim_end_matches('-').to_owned(),
        ] {
            assert_eq!(der_of(&text), der, "{text}");
        }
    }

    #[test]
    fn a_file_of_another_kind_says_what_it_is() {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        let request = CertificateParams::default()
            .serialize_request(&key)
            .unwrap();
        let damaged = pem().replace("MI", "M*");
        let encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        // The beginning of `openssl pkcs12 -export`, and of an encrypted PKCS#8 key.
        let pkcs12 = [0x30, 0x82, 0x09, 0x51, 0x02, 0x01, 0x03, 0x30, 0x82];
        let pkcs8 = [
            [0x30, 0x16, 0x30, 0x10, 0x06, 0x09].as_slice(),
            &PKCS5,
            &[0x0d, 0x30, 0x00, 0x04, 0x00],
        ]
        .concat();

        for (text, expected) in [
            (certificate.pem(), "is a certificate"),
            (STANDARD.encode(certificate.der()), "is a certificate"),
            (request.pem().unwrap(), "signing request"),
            (STANDARD.encode(request.der()), "signing request"),
            (key.public_key_pem(), "is a public key"),
            (
                key.public_key_pem()
                    .lines()
                    .filter(|line| !line.starts_with('-'))
                    .collect(),
                "is a public key",
            ),
            (damaged, "is damaged"),
            (encrypted.to_owned(), "openssl pkey"),
            (STANDARD.encode(pkcs8), "openssl pkey"),
            (STANDARD.encode(pkcs12), "openssl pkcs12"),
            ("{\"private_key\": \"\"}".to_owned(), "JSON file"),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n".to_owned(),
                "OpenSSH",
            ),
        ] {
            let file = KeyFile::read(&text).unwrap_or_else(|| panic!("{text}"));
            let said = file.private_key().unwrap_err();
            assert!(said.contains(expected), "{said} should contain {expected}");
        }

        let file = KeyFile::read(&STANDARD.encode(certificate.der())).unwrap();
        assert_eq!(file.certificates().unwrap(), [certificate.der().clone()]);
        for text in ["", "AAAAxyz:server-key", "bm8=", "not a key"] {
            assert!(KeyFile::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn pem_is_written_as_it_is_read() {
        let pem = pem();

        assert_eq!(
            *to_pem("PRIVATE KEY", &der_of(&pem)),
            pem.replace("\r\n", "\n")
        );
    }
}
