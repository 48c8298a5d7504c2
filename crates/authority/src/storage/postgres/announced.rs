//! The process of the server that was announced to a client when its connection was opened.
//!
//! Without a pooler it is the process that runs each statement of the connection. A pooler that
//! shares the connections of the server must announce another number: with it a client cancels its
//! own statement, wherever that runs.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio_postgres::Client;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use zeroize::Zeroizing;

/// Returns the process that the server, or a pooler, announced when the connection was opened. The
/// driver shows it in its requests to cancel a statement alone, so it writes one into memory.
pub(super) async fn announced_pid(client: &Client) -> io::Result<i32> {
    let (mut ours, theirs) = duplex(64);
    // The consent to TLS, if the driver asks for it.
    ours.write_all(b"S").await?;
    client.cancel_token().cancel_query_raw(theirs, NoEncryption).await.map_err(io::Error::other)?;
    let mut sent = Zeroizing::new(Vec::with_capacity(64));
    ours.read_to_end(&mut sent).await?;
    // The request ends with the process and the secret of the connection.
    match sent.last_chunk() {
        Some([a, b, c, d, _, _, _, _]) => Ok(i32::from_be_bytes([*a, *b, *c, *d])),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// A stand-in for TLS on a stream in memory.
struct NoEncryption;

impl TlsConnect<DuplexStream> for NoEncryption {
    type Stream = InMemory;
    type Error = io::Error;
    type Future = Ready<io::Result<InMemory>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(InMemory(stream)))
    }
}

/// A stream in memory.
struct InMemory(DuplexStream);

impl TlsStream for InMemory {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for InMemory {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for InMemory {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
