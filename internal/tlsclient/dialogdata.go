package tlsclient

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The dialogs of databases, in binary messages.

// postgres is the SSLRequest of the PostgreSQL protocol (Message Flow,
// "SSL Session Encryption").
func (d *dialog) postgres() error {
	if _, err := d.w.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return err
	}
	b, err := d.r.ReadByte()
	switch {
	case err != nil:
		return err
	case b == 'S':
		return nil
	case b == 'N':
		return notOffered("N")
	}
	rest, _ := d.r.Peek(min(d.r.Buffered(), bannerMax))
	return fmt.Errorf("%q is not an answer of PostgreSQL", clean(string(b)+string(rest)))
}

// mysql is the SSLRequest of the MySQL protocol ("Connection Phase").
func (d *dialog) mysql() error {
	header := make([]byte, 4)
	if _, err := io.ReadFull(d.r, header); err != nil {
		return err
	}
	n := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if n < 1 || n > 4096 {
		return errors.New("its first packet is not MySQL's")
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(d.r, p); err != nil {
		return err
	}
	if p[0] == 0xff {
		return refused(string(p[min(3, n):]))
	}
	end := bytes.IndexByte(p, 0) // of the version
	if p[0] != 10 || end < 0 || len(p) < end+1+4+8+1+2 {
		return errors.New("its first packet is not MySQL's")
	}
	const protocol41, ssl, secure = 0x200, 0x800, 0x8000
	if binary.LittleEndian.Uint16(p[end+14:])&ssl == 0 {
		return notOffered("server " + string(p[1:end]))
	}
	if err := d.quiet(); err != nil {
		return err
	}
	request := make([]byte, 36)
	request[0], request[3] = 32, 1
	binary.LittleEndian.PutUint32(request[4:], protocol41|ssl|secure)
	binary.LittleEndian.PutUint32(request[8:], 1<<24-1)
	request[12] = 45 // utf8mb4
	_, err := d.w.Write(request)
	return err
}
