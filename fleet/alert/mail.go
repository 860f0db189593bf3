package alert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"os"
	"strings"
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// MailTLS says how mail is kept from being read on the way.
type MailTLS string

// The ways.
const (
	StartTLS  MailTLS = "starttls" // the zero of a configuration: demanded after the greeting
	DirectTLS MailTLS = "tls"      // from the first octet
	NoTLS     MailTLS = "none"     // for a relay on this machine
)

// Mail is a receiver of e-mail, by SMTP (RFC 5321).
type Mail struct {
	Server   string // HOST:PORT
	TLS      MailTLS
	From     string
	To       []string
	User     string
	password string
}

// send gives a message to the mail server. Its Message-ID is made of the key, so that programs
// know one that comes twice.
func (m *Mail) send(ctx context.Context, d watch.Delivery, msg Message) error {
	host, _, err := net.SplitHostPort(m.Server)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.Server)
	if err != nil {
		return err
	}
	defer conn.Close()
	if at, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(at); err != nil {
			return err
		}
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if m.TLS == DirectTLS {
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = secure
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	defer c.Close()
	name, err := os.Hostname()
	if err != nil || !strings.Contains(name, ".") {
		name = "localhost"
	}
	if err := c.Hello(name); err != nil {
		return err
	}
	if m.TLS == StartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return errors.New("the mail server does not offer STARTTLS")
		}
		if err := c.StartTLS(config); err != nil {
			return err
		}
	}
	if m.User != "" {
		if err := c.Auth(smtp.PlainAuth("", m.User, m.password, host)); err != nil {
			return err
		}
	}
	if err := c.Mail(m.From); err != nil {
		return err
	}
	for _, to := range m.To {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	b, err := m.compose(d, msg)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// compose writes the message (RFC 5322). What comes from a peer stands in the subject, encoded, and in
// the body.
func (m *Mail) compose(d watch.Delivery, msg Message) ([]byte, error) {
	_, domain, _ := strings.Cut(m.From, "@")
	id := sha256.Sum256([]byte(d.Key))
	subject := []rune(strings.Map(func(c rune) rune {
		if c < ' ' {
			return ' '
		}
		return c
	}, msg.Subject()))
	if len(subject) > 180 {
		subject = append(subject[:180], '…')
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: assay <%s>\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n", m.From, strings.Join(m.To, ", "),
		mime.QEncoding.Encode("utf-8", string(subject)), d.Created.UTC().Format(time.RFC1123Z), hex.EncodeToString(id[:16]), domain)
	fmt.Fprintf(&b, "Auto-Submitted: auto-generated\r\nX-Assay-Alert: %d\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", msg.Alert)
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(msg.Text(), "\n", "\r\n"))); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}
