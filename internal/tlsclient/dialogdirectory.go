package tlsclient

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/assaytls/assay/internal/der"
)

// The dialogs of LDAP and XMPP.

// ldap is RFC 4511, 4.14.
func (d *dialog) ldap() error {
	const oid = "1.3.6.1.4.1.1466.20037"
	request := append([]byte{0x30, 0x1d, 2, 1, 1, 0x77, 0x18, 0x80, 0x16}, oid...)
	if _, err := d.w.Write(request); err != nil {
		return err
	}
	message, err := d.element()
	if err != nil {
		return err
	}
	bad := errors.New("its answer is not LDAP")
	outer, err := der.NewReader(message, 0).Expect(der.Sequence)
	if err != nil {
		return bad
	}
	fields := outer.Contents()
	if _, err := fields.Expect(der.Integer); err != nil {
		return bad
	}
	response, err := fields.Expect(0x78) // [APPLICATION 24] ExtendedResponse
	if err != nil {
		return bad
	}
	parts := response.Contents()
	result, err := parts.Expect(der.Enumerated)
	if err != nil || len(result.Body) != 1 {
		return bad
	}
	var text string
	if _, err := parts.Next(); err == nil { // matchedDN
		if m, err := parts.Expect(der.OctetString); err == nil {
			text = string(m.Body)
		}
	}
	switch code := result.Body[0]; code {
	case 0:
		return nil
	case 2, 53: // protocolError, unwillingToPerform
		return notOffered(fmt.Sprintf("result %d %s", code, text))
	default:
		return refused(fmt.Sprintf("result %d %s", code, text))
	}
}

// element reads one BER element of at most 4 KiB.
func (d *dialog) element() ([]byte, error) {
	b := make([]byte, 2, 64)
	if _, err := io.ReadFull(d.r, b); err != nil {
		return nil, err
	}
	n := uint32(b[1])
	if n >= 0x80 {
		k := n - 0x80
		if k < 1 || k > 4 {
			return nil, errors.New("its answer is not LDAP")
		}
		n = 0
		for range k {
			x, err := d.r.ReadByte()
			if err != nil {
				return nil, err
			}
			b, n = append(b, x), n<<8|uint32(x)
		}
	}
	if n > 4096 {
		return nil, errors.New("its answer is not LDAP")
	}
	body := make([]byte, n)
	_, err := io.ReadFull(d.r, body)
	return append(b, body...), err
}

func (d *dialog) xmppClient() error { return d.xmpp("jabber:client") }
func (d *dialog) xmppServer() error { return d.xmpp("jabber:server") }

// xmpp is RFC 6120, 5. The stream is read as text up to the end of the element
// waited for; nothing in it is used but whether STARTTLS is offered.
func (d *dialog) xmpp(namespace string) error {
	var to bytes.Buffer
	if err := xml.EscapeText(&to, []byte(strings.TrimSuffix(d.name, "."))); err != nil {
		return err
	}
	_, err := fmt.Fprintf(d.w, "<?xml version='1.0'?><stream:stream to='%s' xmlns='%s' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>", to.Bytes(), namespace)
	if err != nil {
		return err
	}
	features, err := d.until("</stream:features>", "<stream:features/>", "</stream:error>", "</stream:stream>")
	if err != nil {
		return err
	}
	switch {
	case strings.Contains(features, "<stream:error"):
		return refused(features[strings.Index(features, "<stream:error"):])
	case !strings.Contains(features, "<starttls") || !strings.Contains(features, "urn:ietf:params:xml:ns:xmpp-tls"):
		return notOffered("no starttls among the stream's features")
	}
	if err := d.quiet(); err != nil {
		return err
	}
	if _, err := io.WriteString(d.w, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); err != nil {
		return err
	}
	answer, err := d.until("/>", "</proceed>", "</failure>", "</stream:error>")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.TrimSpace(answer), "<proceed") {
		return refused(answer)
	}
	return nil
}

// until reads up to and with the first of the ends.
func (d *dialog) until(ends ...string) (string, error) {
	var b []byte
	for {
		x, err := d.r.ReadByte()
		if err != nil {
			return "", err
		}
		b = append(b, x)
		for _, e := range ends {
			if x == '>' && bytes.HasSuffix(b, []byte(e)) {
				return string(b), nil
			}
		}
	}
}
