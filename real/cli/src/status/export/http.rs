//! HTTP/1.1, as little of it as a scrape needs: one request for each connection.

use crate::explain::cannot;
use crate::stop::Stop;
use crate::tell::tell;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// So many connections there are at once; when one more comes the oldest is closed.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// So long a client may take to ask.
const ASK_MAX: Duration = Duration::from_secs(5);
/// So long it may take for all, reading the answer too.
const TIME_MAX: Duration = Duration::from_secs(10);
/// A request that is longer is refused.
const REQUEST_MAX: usize = 16 << 10;
/// Until the next try where no connection could be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const TEXT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// What the answer to a scrape is.
type Page = Arc<dyn Fn() -> String + Send + Sync>;

/// Answers until it is asked to end.
pub(super) fn serve(listener: net::TcpListener, stop: &Stop, page: Page) -> io::Result<()> {
    let failed = || cannot("serve HTTP");
    listener.set_nonblocking(true).map_err(failed())?;
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(failed())?;
    let (sender, stopped) = oneshot::channel();
    let stop = stop.clone();
    let waiter = thread::Builder::new().spawn(move || {
        while !stop.sleep(Duration::from_secs(60)) {}
        let _ = sender.send(());
    });
    waiter.map_err(cannot("start a thread that waits for signals"))?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).map_err(failed())?;
        tokio::spawn(accept(listener, page));
        // The thread lives as long as this one.
        let _ = stopped.await;
        Ok(())
    })
}

async fn accept(listener: TcpListener, page: Page) {
    let mut connections = VecDeque::new();
    let mut is_failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                is_failing = false;
                connections.retain(|connection: &tokio::task::JoinHandle<()>| !connection.is_finished());
                if connections.len() >= CONNECTIONS_MAX
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                }
                connections.push_back(tokio::spawn(converse(stream, Arc::clone(&page))));
            }
            Err(error) => {
                if !is_failing {
                    tell!("{}; trying again", cannot("accept a connection")(error));
                }
                is_failing = true;
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, page: Page) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = answer(request.method(), request.uri().path(), &*page);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(ASK_MAX)
        .max_buf_size(REQUEST_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // What a client does wrong is its own affair.
    let _ = timeout(TIME_MAX, connection).await;
}

fn answer(method: &Method, path: &str, page: &dyn Fn() -> String) -> Response<Full<Bytes>> {
    let is_known = ["/", "/metrics"].contains(&path);
    let is_read = [Method::GET, Method::HEAD].contains(method);
    let (status, kind, body) = match (is_known, is_read, path) {
        (false, ..) => (StatusCode::NOT_FOUND, TEXT_TYPE, "not found; the metrics are at /metrics\n".to_owned()),
        (_, false, _) => (StatusCode::METHOD_NOT_ALLOWED, TEXT_TYPE, "only GET and HEAD are answered\n".to_owned()),
        (_, _, "/metrics") => (StatusCode::OK, METRICS_TYPE, page()),
        _ => (StatusCode::OK, TEXT_TYPE, "lastword status export: the metrics are at /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, METHODS);
    }
    response
}
