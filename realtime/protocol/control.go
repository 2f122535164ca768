package protocol

import "encoding/binary"

// RFC 6455 opcodes of the control frames.
const (
	OpClose byte = 0x8
	OpPing  byte = 0x9
	OpPong  byte = 0xA
)

// maxControl is the longest payload of a control frame.
const maxControl = 125

// Control returns a control frame as a server sends it. A longer payload is
// cut.
func Control(op byte, payload []byte) []byte {
	if len(payload) > maxControl {
		payload = payload[:maxControl]
	}
	return append([]byte{0x80 | op, byte(len(payload))}, payload...)
}

// CloseFrame returns the frame that ends a connection.
func CloseFrame(code CloseCode, reason string) []byte {
	p := binary.BigEndian.AppendUint16(make([]byte, 0, maxControl), uint16(code))
	return Control(OpClose, append(p, clip(reason, maxControl-2-4)...))
}
