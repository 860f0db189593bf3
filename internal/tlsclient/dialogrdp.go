package tlsclient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The reasons of a negotiation failure (MS-RDPBCGR, 2.2.1.2.2).
var rdpFailures = []string{"", "SSL_REQUIRED_BY_SERVER", "SSL_NOT_ALLOWED_BY_SERVER", "SSL_CERT_NOT_ON_SERVER", "INCONSISTENT_FLAGS",
	"HYBRID_REQUIRED_BY_SERVER", "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER"}

// rdp is the negotiation of the Remote Desktop Protocol (MS-RDPBCGR, 2.2.1.1): a
// connection request of X.224 in a TPKT, which offers TLS with and without
// CredSSP after it.
func (d *dialog) rdp() error {
	const ssl, hybrid = 1, 2
	request := []byte{3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, ssl | hybrid, 0, 0, 0}
	if _, err := d.w.Write(request); err != nil {
		return err
	}
	bad := errors.New("its answer is not RDP")
	header := make([]byte, 4)
	if _, err := io.ReadFull(d.r, header); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(header[2:])) - len(header)
	if header[0] != 3 || n < 7 || n > 4096 {
		return bad
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(d.r, body); err != nil {
		return err
	}
	if body[1] != 0xd0 { // connection confirm
		return bad
	}
	if n < 15 {
		return notOffered("standard RDP security alone")
	}
	switch value := binary.LittleEndian.Uint32(body[11:]); {
	case body[7] == 2 && value == 0:
		return notOffered("standard RDP security alone")
	case body[7] == 2 && value <= 8:
		return nil
	case body[7] == 3 && value == 2:
		return notOffered("negotiation failure " + rdpFailures[2])
	case body[7] == 3 && int64(value) < int64(len(rdpFailures)):
		return refused("negotiation failure " + rdpFailures[value])
	case body[7] == 3:
		return refused(fmt.Sprintf("negotiation failure %d", value))
	}
	return bad
}
