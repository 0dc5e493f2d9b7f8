//! Adapts hyper, which speaks HTTP on a connection, to actix, whose routes and extractors answer.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_http::{BoxedPayloadStream, Payload, Request};
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, Uri, Version};
use actix_web::{HttpResponse, ResponseError};
use bytes::{Bytes, BytesMut};
use futures_util::future::{self, LocalBoxFuture};
use futures_util::{FutureExt, Stream};
use http::header;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::http::error::ApiError;
use crate::http::response_headers::{self, ResponseHeaders};
use crate::http::server::timeouts::{Activity, Running};

/// Answers requests. It belongs to one thread; cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct Application(
    pub(in crate::http) Rc<dyn Fn(Request) -> LocalBoxFuture<'static, HttpResponse>>,
);

impl Application {
    /// Makes an actix application that lives on this thread. `None`: it can't be made, which is
    /// logged.
    pub(in crate::http) async fn new<F, S, B>(application: F) -> Option<Self>
    where
        F: IntoServiceFactory<S, Request>,
        S: ServiceFactory<
                Request,
                Config = AppConfig,
                Response = ServiceResponse<B>,
                Error = actix_web::Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        let factory = application.into_factory();
        let Ok(service) = factory.new_service(AppConfig::default()).await else {
            tracing::error!("the HTTP application can't be made");
            return None;
        };

        // The request goes to the service at once, so that what is boxed here is only the service's own
        // box.
        Some(Self(Rc::new(move |request| {
            Box::pin(service.call(request).map(|answered| match answered {
                Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            }))
        })))
    }
}

/// The service that hyper calls with the requests of one connection.
pub(super) struct ActixAdapter {
    pub application: Application,
    pub activity: Rc<Activity>,
    pub peer: SocketAddr,
    pub headers: ResponseHeaders,
}

impl hyper::service::Service<http::Request<Incoming>> for ActixAdapter {
    type Response = http::Response<ResponseBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: http::Request<Incoming>) -> Answering {
        let is_http1 = request.version() != http::Version::HTTP_2;
        let running = self.activity.begin(!is_http1);
        let is_read = Rc::new(Cell::new(request.body().is_end_stream()));
        let is_docs = response_headers::is_docs(request.uri().path());

        let Application(answer) = &self.application;
        let answer = match to_actix(request, self.peer, &is_read) {
            Ok(request) => answer(request),
            Err(refused) => Box::pin(future::ready(refused.error_response())),
        };

        Answering {
            answer,
            is_read,
            is_http1,
            headers: self.headers,
            is_docs,
            running: Some(running),
        }
    }
}

/// The answer to a request, until it is there.
pub(super) struct Answering {
    answer: LocalBoxFuture<'static, HttpResponse>,
    /// Whether the request's body was read to its end.
    is_read: Rc<Cell<bool>>,
    is_http1: bool,
    headers: ResponseHeaders,
    is_docs: bool,
    /// `None` once the answer is there.
    running: Option<Running>,
}

impl Future for Answering {
    type Output = Result<http::Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(cx));
        self.running = None;

        let mut response = from_actix(answer);
        self.headers.add(self.is_docs, response.headers_mut());
        // The rest of the body is in the way of the next request, so the client must not send one
        // (RFC 9112, section 9.3).
        if self.is_http1 && !self.is_read.get() {
            let close = header::HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }

        Poll::Ready(Ok(response))
    }
}

/// The request as actix knows it. `is_read` is set once its body has been read to the end.
fn to_actix(
    request: http::Request<Incoming>,
    peer: SocketAddr,
    is_read: &Rc<Cell<bool>>,
) -> Result<Request, ApiError> {
    let (parts, body) = request.into_parts();
    check_host(&parts)?;

    let unreadable = || ApiError::invalid_field("", "the head of the request can't be read");
    let payload: Payload<BoxedPayloadStream> = if body.is_end_stream() {
        Payload::None
    } else {
        Payload::Stream {
            payload: Box::pin(IncomingStream {
                body,
                is_read: Rc::clone(is_read),
            }),
        }
    };
    let mut request = Request::with_payload(payload);
    let head = request.head_mut();

    head.method = Method::from_bytes(parts.method.as_str().as_bytes()).map_err(|_| unreadable())?;
    head.uri = Uri::from_maybe_shared(uri_text(&parts.uri)).map_err(|_| unreadable())?;
    head.version = match parts.version {
        http::Version::HTTP_10 => Version::HTTP_10,
        http::Version::HTTP_2 => Version::HTTP_2,
        _ => Version::HTTP_11,
    };
    head.peer_addr = Some(peer);

    let mut copier = Copier::new(parts.headers.values().map(header::HeaderValue::len).sum());
    for (name, value) in &parts.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_maybe_shared(copier.copy(value.as_bytes()));
        head.headers.append(
            name.map_err(|_| unreadable())?,
            value.map_err(|_| unreadable())?,
        );
    }

    Ok(request)
}

fn uri_text(uri: &http::Uri) -> Bytes {
    match uri.path_and_query() {
        // Nearly every request of HTTP/1 has no more.
        Some(path) if uri.authority().is_none() && uri.scheme().is_none() => {
            Bytes::copy_from_slice(path.as_str().as_bytes())
        }
        _ => Bytes::from(uri.to_string()),
    }
}

/// Copies the values of headers from one version of the crate `http` to the other: all into one
/// piece of memory, since to allocate for each takes longer than to copy them.
struct Copier(BytesMut);

impl Copier {
    /// For values of `bytes` bytes in total.
    fn new(bytes: usize) -> Self {
        Self(BytesMut::with_capacity(bytes))
    }

    fn copy(&mut self, value: &[u8]) -> Bytes {
        self.0.extend_from_slice(value);

        self.0.split().freeze()
    }
}

/// HTTP/1.1 needs one `Host` (RFC 9112, section 3.2).
fn check_host(parts: &http::request::Parts) -> Result<(), ApiError> {
    let count = parts.headers.get_all(header::HOST).iter().count();
    let is_right = match parts.version {
        http::Version::HTTP_11 => count == 1,
        _ => count <= 1,
    };

    if is_right {
        return Ok(());
    }
    Err(ApiError::invalid_field(
        "Host",
        format!("this header must occur exactly once; it occurs {count} times"),
    ))
}

/// Headers that an answer gets after actix: those of [`ResponseHeaders`], and `Connection`,
/// `Content-Length` and `Date`.
const ADDED_HEADERS: usize = 9;

/// The answer as hyper knows it.
fn from_actix(answer: HttpResponse) -> http::Response<ResponseBody> {
    let (head, body) = answer.into_parts();
    let mut response = http::Response::new(ResponseBody(body));

    // Both know the same statuses and headers, so nothing is lost here.
    if let Ok(status) = http::StatusCode::from_u16(head.status().as_u16()) {
        *response.status_mut() = status;
    }

    let given = head.headers();
    let headers = response.headers_mut();
    headers.reserve(given.len() + ADDED_HEADERS);
    let mut copier = Copier::new(given.iter().map(|(_, value)| value.len()).sum());
    for (name, value) in given {
        let name = header::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = header::HeaderValue::from_maybe_shared(copier.copy(value.as_bytes()));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }

    response
}

/// A request's body.
struct IncomingStream {
    body: Incoming,
    is_read: Rc<Cell<bool>>,
}

impl Stream for IncomingStream {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    let error = PayloadError::Incomplete(Some(io::Error::other(error)));
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.is_read.set(true);
                    return Poll::Ready(None);
                }
            };

            // Trailers mean nothing here.
            if let Ok(data) = frame.into_data() {
                if self.body.is_end_stream() {
                    self.is_read.set(true);
                }
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }
}

/// An answer's body. Bytes that are static, or shared, are not copied.
pub(super) struct ResponseBody(BoxBody);

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.0).poll_next(cx).map(|chunk| {
            chunk.map(|chunk| {
                chunk
                    .map(Frame::data)
                    .map_err(|error| io::Error::other(error.to_string()))
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0.size(), BodySize::None | BodySize::Sized(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.size() {
            BodySize::None => SizeHint::with_exact(0),
            BodySize::Sized(size) => SizeHint::with_exact(size),
            BodySize::Stream => SizeHint::default(),
        }
    }
}
