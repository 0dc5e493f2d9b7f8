//! Traces: a caller's `traceparent` header (W3C Trace Context) is honoured in every build, so that
//! its trace's id is in the logs. Builds with the feature `otlp` can send spans as well.

use std::fmt;

use tracing::Span;

#[cfg(not(feature = "otlp"))]
pub use without_otlp::Traces;

#[cfg(feature = "otlp")]
pub use crate::telemetry::otlp::Traces;

/// A caller's span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    pub trace_id: u128,
    pub span_id: u64,
    /// Whether the caller records this trace.
    pub is_sampled: bool,
}

/// The id of a trace, which is shown as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl TraceParent {
    /// Reads `traceparent`, section 3.2 of <https://www.w3.org/TR/trace-context/>:
    /// `version-trace_id-parent_id-flags`, in lower-case hexadecimal digits. Later versions may add
    /// fields.
    fn parse(header: &str) -> Option<Self> {
        let mut fields = header.trim().split('-');
        let version = hexadecimal(fields.next()?, 2)?;
        let parent = Self {
            trace_id: hexadecimal(fields.next()?, 32)?,
            span_id: u64::try_from(hexadecimal(fields.next()?, 16)?).ok()?,
            is_sampled: hexadecimal(fields.next()?, 2)? & 1 == 1,
        };

        // In that section, version ff and ids of zeros alone are invalid, and version 00 has
        // exactly four fields.
        let is_known = version < 0xff && (version > 0 || fields.next().is_none());
        (is_known && parent.trace_id != 0 && parent.span_id != 0).then_some(parent)
    }
}

fn hexadecimal(field: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if field.len() != digits || !field.as_bytes().iter().all(is_digit) {
        return None;
    }

    u128::from_str_radix(field, 16).ok()
}

/// Makes `span` part of the trace that the headers name. Returns that trace, if they name one.
pub fn continue_from<'a>(span: &Span, header: impl Fn(&str) -> Option<&'a str>) -> Option<TraceId> {
    let parent = TraceParent::parse(header("traceparent")?)?;

    #[cfg(feature = "otlp")]
    crate::telemetry::otlp::set_parent(span, parent, header("tracestate"));
    #[cfg(not(feature = "otlp"))]
    let _ = span;
    Some(TraceId(parent.trace_id))
}

#[cfg(not(feature = "otlp"))]
mod without_otlp {
    use crate::config;
    use crate::telemetry::logs::SpanLayer;

    /// Does not exist: this build sends no spans.
    pub enum Traces {}

    impl Traces {
        pub fn start(_: &config::Traces) -> anyhow::Result<Option<Self>> {
            // The configuration is refused if it has an endpoint.
            Ok(None)
        }

        pub fn layer(&self) -> SpanLayer {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_its_specification_says() {
        let parent = TraceParent {
            trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
            span_id: 0xb7ad_6b71_6920_3331,
            is_sampled: true,
        };
        let trace = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        let not_sampled = TraceParent {
            is_sampled: false,
            ..parent
        };

        for (header, expected) in [
            (format!("00-{trace}-01"), Some(parent)),
            (format!("00-{trace}-00"), Some(not_sampled)),
            // Flags that are not known are ignored.
            (format!("00-{trace}-ff"), Some(parent)),
            (format!("cc-{trace}-01"), Some(parent)),
            (format!("cc-{trace}-01-later"), Some(parent)),
            (format!("00-{trace}-01-later"), None),
            (format!("ff-{trace}-01"), None),
            (format!("00-{}-01", trace.to_uppercase()), None),
            (format!("00-{}-01", &trace[1..]), None),
            (format!("00-{trace}"), None),
            (format!("00-{}-{}-01", "0".repeat(32), "1".repeat(16)), None),
            (format!("00-{}-{}-01", "1".repeat(32), "0".repeat(16)), None),
            (String::new(), None),
        ] {
            assert_eq!(TraceParent::parse(&header), expected, "{header}");
        }
    }

    #[test]
    fn a_trace_id_has_32_digits() {
        let span = Span::none();
        let header = "00-000000000000000000000000000000ab-00000000000000cd-01";

        let id = continue_from(&span, |name| (name == "traceparent").then_some(header)).unwrap();

        assert_eq!(id.to_string(), "000000000000000000000000000000ab");
    }
}
