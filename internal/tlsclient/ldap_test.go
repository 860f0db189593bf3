package tlsclient

import (
	"bufio"
	"bytes"
	"io"
	"testing"
)

// Lengths that a server makes up cost nothing, on a 32-bit machine too.
func TestLDAPLengths(t *testing.T) {
	for _, answer := range [][]byte{
		{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, {0x30, 0x84, 0x80, 0, 0, 0}, {0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, {0x30, 0x82, 0x10, 0x01},
		{0x30, 0x80}, {0x30, 0x85, 1, 1, 1, 1, 1}, {0x30, 0x84, 1}, {0x30, 5, 2}, {0x30}, nil,
	} {
		d := &dialog{r: bufio.NewReader(bytes.NewReader(answer)), w: io.Discard}
		if b, err := d.element(); err == nil {
			t.Errorf("% x: read as % x", answer, b)
		}
		d = &dialog{r: bufio.NewReader(bytes.NewReader(answer)), w: io.Discard}
		if d.ldap() == nil {
			t.Errorf("% x: TLS may begin", answer)
		}
	}
}
