package tlsclient

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// dialogs are the protocols in which TLS is asked for: the port on which each
// usually is, and the dialog that ends where TLS begins.
var dialogs = map[string]struct {
	port string
	run  func(*dialog) error
}{
	"smtp": {"25", (*dialog).smtp}, "lmtp": {"24", (*dialog).lmtp}, "imap": {"143", (*dialog).imap}, "pop3": {"110", (*dialog).pop3},
	"sieve": {"4190", (*dialog).sieve}, "ftp": {"21", (*dialog).ftp}, "nntp": {"119", (*dialog).nntp}, "irc": {"6667", (*dialog).irc},
	"postgres": {"5432", (*dialog).postgres}, "mysql": {"3306", (*dialog).mysql}, "mssql": {"1433", (*dialog).mssql},
	"ldap": {"389", (*dialog).ldap}, "rdp": {"3389", (*dialog).rdp},
	"xmpp": {"5222", (*dialog).xmppClient}, "xmpp-server": {"5269", (*dialog).xmppServer},
}

// StartTLSPort returns the usual port of a protocol; "" if it is not known.
func StartTLSPort(protocol string) string { return dialogs[protocol].port }

// StartTLSProtocols returns the values of Config.StartTLS, sorted.
func StartTLSProtocols() []string { return slices.Sorted(maps.Keys(dialogs)) }

// maxDialog bounds what is read of a server before TLS begins.
const maxDialog = 64 << 10

// dialog is a conversation in plain text.
type dialog struct {
	r    *bufio.Reader
	w    io.Writer
	name string // whom we talk to
	ehlo string // who we say we are

	// framed is set by a protocol whose messages carry the TLS handshake.
	framed bool
}

// refusal is a dialog's end that has a finding of its own.
type refusal struct {
	id    finding.ID
	reply string
}

func (r *refusal) Error() string { return r.reply }

func notOffered(reply string) error { return &refusal{finding.StartTLSNotOffered, reply} }
func refused(reply string) error    { return &refusal{finding.StartTLSRefused, reply} }

// notThis is the error of a line that the protocol does not have there.
func notThis(line string) error {
	return fmt.Errorf("%q is not an answer of this protocol", clean(banner([]byte(line))))
}

// startTLS brings conn to the point where TLS begins. The connection returned is
// the one to begin it on.
func (c *Config) startTLS(ctx context.Context, conn net.Conn) (net.Conn, *evidence.Failure) {
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	begin := time.Now()
	conn.SetDeadline(begin.Add(c.HandshakeTimeout))
	defer conn.SetDeadline(time.Time{})
	heard := &hearing{from: conn}
	d := &dialog{r: bufio.NewReaderSize(heard, 8<<10), w: conn, name: cmp.Or(c.SNI, c.Host), ehlo: cmp.Or(c.EHLO, "assay.invalid")}
	err := errors.New("no such protocol is known")
	if protocol, ok := dialogs[c.StartTLS]; ok {
		err = protocol.run(d)
	}
	if err == nil {
		err = d.quiet()
	}
	if err == nil {
		if d.framed {
			conn = &framedConn{Conn: conn}
		}
		return conn, nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, cancelled(ctx, "starttls")
	}
	f := &evidence.Failure{ID: finding.StartTLSFailure, Stage: "starttls", Detail: clean(err.Error()),
		Params: map[string]string{"host": clean(c.Host), "port": c.Port, "protocol": c.StartTLS}}
	if page := c.pageInstead(heard.head); page != nil {
		return nil, page
	}
	var r *refusal
	switch {
	case errors.As(err, &r):
		f.ID = r.id
		f.Params["reply"] = clean(r.reply)
	case isTimeout(err) && heard.n == 0:
		f.Params["detail"] = fmt.Sprintf("it said nothing for %s; perhaps the port begins with TLS", waited(c.HandshakeTimeout, time.Since(begin)))
	case isTimeout(err):
		f.Params["detail"] = fmt.Sprintf("its reply was not complete within %s; the last that came is %s", waited(c.HandshakeTimeout, time.Since(begin)), heard.last())
	case err == errTalkative:
		f.Params["detail"] = err.Error()
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		f.Params["detail"] = "it closed the connection"
		if heard.n > 0 {
			f.Params["detail"] += "; the last that came is " + heard.last()
		}
	default:
		f.Params["detail"] = plainError(err)
	}
	return nil, f
}

var errTalkative = fmt.Errorf("it said more than %d bytes", maxDialog)

// hearing reads what a server says before TLS, at most maxDialog bytes, and
// keeps the beginning and the end of it.
type hearing struct {
	from io.Reader
	n    int
	head []byte
	tail []byte
}

func (h *hearing) Read(b []byte) (int, error) {
	if h.n >= maxDialog {
		return 0, errTalkative
	}
	n, err := h.from.Read(b[:min(len(b), maxDialog-h.n)])
	h.n += n
	h.head = append(h.head, b[:min(n, bannerMax-len(h.head))]...)
	h.tail = append(h.tail, b[:n]...)
	if over := len(h.tail) - bannerMax; over > 0 {
		h.tail = append(h.tail[:0], h.tail[over:]...)
	}
	return n, err
}

// last is the last line that was heard, whole or not.
func (h *hearing) last() string {
	line := strings.TrimRight(string(h.tail), "\r\n")
	return clean(line[strings.LastIndexAny(line, "\r\n")+1:])
}

// quiet requires that the server has said nothing that was not asked for.
// Text that stands in the buffer when TLS begins would later be taken for the
// server's words under TLS, whoever put it there.
func (d *dialog) quiet() error {
	if n := d.r.Buffered(); n > 0 {
		b, _ := d.r.Peek(min(n, bannerMax))
		return &refusal{finding.StartTLSInjection, banner(b)}
	}
	return nil
}

func (d *dialog) say(line string) error {
	if err := d.quiet(); err != nil {
		return err
	}
	_, err := io.WriteString(d.w, line+"\r\n")
	return err
}

func (d *dialog) line() (string, error) {
	b, err := d.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return "", errors.New("a line is too long")
	}
	return strings.TrimRight(string(b), "\r\n"), err
}

// reply reads an answer of SMTP and FTP, which may have several lines.
func (d *dialog) reply() (code string, lines []string, err error) {
	for {
		l, err := d.line()
		if err != nil {
			return "", nil, err
		}
		if code == "" && !isReply(l+" ") {
			return "", nil, notThis(l)
		}
		if code == "" {
			code = l[:3]
		}
		lines = append(lines, l)
		if strings.HasPrefix(l, code) && (len(l) == 3 || l[3] == ' ') {
			return code, lines, nil
		}
	}
}
