package tlsclient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// TDS, the protocol of Microsoft's SQL Server (MS-TDS), begins with a pre-login
// message, 2.2.6.5. The TLS handshake after it travels inside such messages, and
// what follows the handshake does not. A server that wants TLS before TDS
// (Encrypt=strict) is asked without STARTTLS.

const (
	tdsPrelogin = 0x12
	tdsReply    = 0x04
	tdsHeader   = 8
	tdsMax      = 4096 // of one packet, before another size is agreed on
)

func (d *dialog) mssql() error {
	// The options: VERSION, ENCRYPTION (on), INSTOPT, THREADID, MARS.
	options := []byte{0, 0, 26, 0, 6, 1, 0, 32, 0, 1, 2, 0, 33, 0, 1, 3, 0, 34, 0, 4, 4, 0, 38, 0, 1, 0xff,
		17, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	if _, err := d.w.Write(tdsPacket(options)); err != nil {
		return err
	}
	bad := errors.New("its answer is not TDS")
	header := make([]byte, tdsHeader)
	if _, err := io.ReadFull(d.r, header); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(header[2:])) - tdsHeader
	if header[0] != tdsReply || n < 1 || n > tdsMax {
		return bad
	}
	answer := make([]byte, n)
	if _, err := io.ReadFull(d.r, answer); err != nil {
		return err
	}
	encryption, ok := tdsOption(answer, 1)
	switch {
	case !ok || len(encryption) < 1:
		return bad
	case encryption[0] == 2: // ENCRYPT_NOT_SUP
		return notOffered("encryption is not supported")
	case encryption[0] > 3:
		return refused(fmt.Sprintf("encryption %d", encryption[0]))
	}
	d.framed = true
	return nil
}

// tdsOption returns an option's value in a pre-login message.
func tdsOption(message []byte, token byte) (value []byte, ok bool) {
	for i := 0; i+5 <= len(message) && message[i] != 0xff; i += 5 {
		if message[i] != token {
			continue
		}
		begin := int(binary.BigEndian.Uint16(message[i+1:]))
		end := begin + int(binary.BigEndian.Uint16(message[i+3:]))
		if end > len(message) {
			return nil, false
		}
		return message[begin:end], true
	}
	return nil, false
}

// tdsPacket is a pre-login packet, the last of its message.
func tdsPacket(body []byte) []byte {
	b := make([]byte, tdsHeader, tdsHeader+len(body))
	b[0], b[1] = tdsPrelogin, 1
	binary.BigEndian.PutUint16(b[2:], uint16(tdsHeader+len(body)))
	return append(b, body...)
}

// framedConn carries a TLS handshake in TDS packets until whole is called. What
// it reads tells by itself whether it is framed: the types of TDS packets are
// no types of TLS records.
type framedConn struct {
	net.Conn
	whole bool // the handshake is over
	left  int  // of the packet that is being read
	bare  bool // the server sends records without packets
}

var errTDS = errors.New("the server left the framing of TDS during the handshake")

func (f *framedConn) Read(b []byte) (int, error) {
	if f.bare || len(b) == 0 {
		return f.Conn.Read(b)
	}
	if f.left == 0 {
		header := make([]byte, tdsHeader)
		if _, err := io.ReadFull(f.Conn, header[:1]); err != nil {
			return 0, err
		}
		if header[0] != tdsPrelogin && header[0] != tdsReply {
			f.bare = true
			b[0] = header[0]
			return 1, nil
		}
		if _, err := io.ReadFull(f.Conn, header[1:]); err != nil {
			return 0, err
		}
		if f.left = int(binary.BigEndian.Uint16(header[2:])) - tdsHeader; f.left <= 0 {
			f.left = 0
			return 0, errTDS
		}
	}
	n, err := f.Conn.Read(b[:min(len(b), f.left)])
	f.left -= n
	return n, err
}

func (f *framedConn) Write(b []byte) (int, error) {
	if f.whole {
		return f.Conn.Write(b)
	}
	for sent := 0; sent < len(b); {
		part := b[sent:min(len(b), sent+tdsMax-tdsHeader)]
		if _, err := f.Conn.Write(tdsPacket(part)); err != nil {
			return sent, err
		}
		sent += len(part)
	}
	return len(b), nil
}

// unframed says that the handshake on conn is over.
func unframed(conn net.Conn) {
	if f, ok := conn.(*framedConn); ok {
		f.whole = true
	}
}

// CloseWrite ends the sending direction.
func (f *framedConn) CloseWrite() error { return closeWrite(f.Conn) }

func closeWrite(conn net.Conn) error {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
