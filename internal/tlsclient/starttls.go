package tlsclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// dialogs are the protocols in which TLS is asked for, each with the dialog
// that ends where TLS begins.
var dialogs = map[string]func(*dialog) error{
	"smtp": (*dialog).smtp, "imap": (*dialog).imap, "pop3": (*dialog).pop3, "ftp": (*dialog).ftp,
	"postgres": (*dialog).postgres, "mysql": (*dialog).mysql, "ldap": (*dialog).ldap,
	"xmpp": (*dialog).xmppClient, "xmpp-server": (*dialog).xmppServer,
}

// The ports on which the dialogs are usually held.
var dialogPorts = map[string]string{"smtp": "25", "imap": "143", "pop3": "110", "ftp": "21", "postgres": "5432", "mysql": "3306",
	"ldap": "389", "xmpp": "5222", "xmpp-server": "5269"}

// StartTLSPort returns the usual port of a protocol; "" if it is not known.
func StartTLSPort(protocol string) string { return dialogPorts[protocol] }

// StartTLSProtocols returns the values of Config.StartTLS, sorted.
func StartTLSProtocols() []string {
	var names []string
	for n := range dialogs {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// maxDialog bounds what is read of a server before TLS begins.
const maxDialog = 64 << 10

// dialog is a conversation in plain text.
type dialog struct {
	r    *bufio.Reader
	w    io.Writer
	name string // whom we talk to
}

// refusal is a dialog's end that has a finding of its own.
type refusal struct {
	id    finding.ID
	reply string
}

func (r *refusal) Error() string { return r.reply }

func notOffered(reply string) error { return &refusal{finding.StartTLSNotOffered, reply} }
func refused(reply string) error    { return &refusal{finding.StartTLSRefused, reply} }

// startTLS brings conn to the point where TLS begins.
func (c *Config) startTLS(ctx context.Context, conn net.Conn) *evidence.Failure {
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	begin := time.Now()
	conn.SetDeadline(begin.Add(c.HandshakeTimeout))
	defer conn.SetDeadline(time.Time{})
	limited := &io.LimitedReader{R: conn, N: maxDialog}
	d := &dialog{r: bufio.NewReaderSize(limited, 8<<10), w: conn, name: c.SNI}
	if d.name == "" {
		d.name = c.Host
	}
	run, ok := dialogs[c.StartTLS]
	if !ok {
		run = func(*dialog) error { return errors.New("no such protocol is known") }
	}
	err := run(d)
	if err == nil {
		err = d.quiet()
	}
	if err == nil {
		return nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return cancelled(ctx, "starttls")
	}
	f := &evidence.Failure{ID: finding.StartTLSFailure, Stage: "starttls", Detail: clean(err.Error()),
		Params: map[string]string{"host": clean(c.Host), "port": c.Port, "protocol": c.StartTLS}}
	var r *refusal
	switch {
	case errors.As(err, &r):
		f.ID = r.id
		f.Params["reply"] = clean(r.reply)
	case isTimeout(err):
		f.Params["detail"] = fmt.Sprintf("it said nothing for %s; perhaps the port begins with TLS", waited(c.HandshakeTimeout, time.Since(begin)))
	case limited.N == 0:
		f.Params["detail"] = fmt.Sprintf("it said more than %d bytes", maxDialog)
	case err == io.EOF:
		f.Params["detail"] = "it closed the connection"
	default:
		f.Params["detail"] = plainError(err)
	}
	return f
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
			return "", nil, fmt.Errorf("%q is not an answer of this protocol", clean(banner([]byte(l))))
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

// smtp is RFC 3207.
func (d *dialog) smtp() error {
	code, lines, err := d.reply()
	if err != nil {
		return err
	}
	if code != "220" {
		return refused(lines[0])
	}
	if err := d.say("EHLO assay.invalid"); err != nil {
		return err
	}
	if code, lines, err = d.reply(); err != nil {
		return err
	}
	offered := slices.ContainsFunc(lines, func(l string) bool { return len(l) > 4 && strings.EqualFold(strings.TrimSpace(l[4:]), "STARTTLS") })
	if code != "250" || !offered {
		return notOffered(lines[0])
	}
	return d.command("STARTTLS", "220")
}

// ftp is RFC 4217.
func (d *dialog) ftp() error {
	code, lines, err := d.reply()
	for err == nil && code == "120" { // service ready in a while
		code, lines, err = d.reply()
	}
	if err != nil {
		return err
	}
	if code != "220" {
		return refused(lines[0])
	}
	err = d.command("AUTH TLS", "234")
	var r *refusal
	if errors.As(err, &r) && r.id == finding.StartTLSRefused && strings.HasPrefix(r.reply, "5") {
		return notOffered(r.reply)
	}
	return err
}

// command sends the command that starts TLS and requires the reply code.
func (d *dialog) command(command, want string) error {
	if err := d.say(command); err != nil {
		return err
	}
	code, lines, err := d.reply()
	if err != nil {
		return err
	}
	if code != want {
		return refused(lines[0])
	}
	return nil
}

// imap is RFC 9051, 6.2.1.
func (d *dialog) imap() error {
	greeting, err := d.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.ToUpper(greeting), "* OK") {
		return refused(greeting) // PREAUTH: the state in which STARTTLS is allowed is over
	}
	lines, err := d.tagged("a1", "CAPABILITY")
	if err != nil {
		return err
	}
	offered := slices.ContainsFunc(lines, func(l string) bool {
		return slices.Contains(strings.Fields(strings.ToUpper(l)), "STARTTLS")
	})
	if !offered {
		return notOffered(lines[0])
	}
	lines, err = d.tagged("a2", "STARTTLS")
	if err != nil {
		return err
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(strings.ToUpper(last), "A2 OK") {
		return refused(last)
	}
	return nil
}

// tagged sends an IMAP command and returns the lines up to its completion.
func (d *dialog) tagged(tag, command string) ([]string, error) {
	if err := d.say(tag + " " + command); err != nil {
		return nil, err
	}
	var lines []string
	for {
		l, err := d.line()
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
		if strings.HasPrefix(l, tag+" ") {
			return lines, nil
		}
	}
}

// pop3 is RFC 2595, 4.
func (d *dialog) pop3() error {
	greeting, err := d.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(greeting, "+OK") {
		return refused(greeting)
	}
	if err := d.say("CAPA"); err != nil {
		return err
	}
	l, err := d.line()
	if err != nil {
		return err
	}
	offered := !strings.HasPrefix(l, "+OK") // no CAPA: STLS itself has to tell
	for strings.HasPrefix(l, "+OK") {
		item, err := d.line()
		if err != nil {
			return err
		}
		if item == "." {
			break
		}
		offered = offered || strings.EqualFold(strings.TrimSpace(item), "STLS")
	}
	if !offered {
		return notOffered(l)
	}
	if err := d.say("STLS"); err != nil {
		return err
	}
	answer, err := d.line()
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(answer, "+OK"):
		return nil
	case !strings.HasPrefix(l, "+OK"):
		return notOffered(answer)
	}
	return refused(answer)
}

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
