package realtime

import (
	"errors"
	"fmt"
	"net"

	"synctv/realtime/protocol"
)

// Socket is one viewer's connection, as RFC 6455 frames without masks. A
// WebSocket passes them on; others unwrap the text.
//
// Try and Write are never called at the same time, and Write only when
// something did not fit. Read runs beside them.
type Socket interface {
	// Read returns the next message, valid until the next call. Frames that
	// answer control frames of the peer go through answer, which keeps them in
	// order with everything else; answer(nil) says that the peer is alive. A
	// *CloseError says what the peer must be told.
	Read(answer func(frame []byte)) ([]byte, error)
	// Try writes as much of p as the connection takes without waiting, which
	// may be nothing. ErrNoTry: the connection has no such way.
	Try(p []byte) (int, error)
	// Write waits until all of bufs is written, within a deadline of its own.
	Write(bufs *net.Buffers) error
	// Close ends the connection at once: Read and Write return. It does not
	// wait and may be called more than once.
	Close() error
}

// ErrNoTry says that a socket can only be written by waiting.
var ErrNoTry = errors.New("no write without waiting")

// CloseError ends a connection with a code.
type CloseError struct {
	Code   protocol.CloseCode
	Detail string
}

func (e *CloseError) Error() string { return fmt.Sprintf("close %d: %s", int(e.Code), e.Detail) }
