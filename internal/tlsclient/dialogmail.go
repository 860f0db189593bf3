package tlsclient

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/finding"
)

// The dialogs of mail, files and news: lines with reply codes or words.

func (d *dialog) smtp() error { return d.mail("EHLO") } // RFC 3207
func (d *dialog) lmtp() error { return d.mail("LHLO") } // RFC 2033

// mail is the dialog of SMTP and LMTP, which differ in the greeting. A greeting
// that is refused says nothing of what the server can do.
func (d *dialog) mail(greet string) error {
	code, lines, err := d.reply()
	if err != nil {
		return err
	}
	if code != "220" {
		return refused(lines[0])
	}
	if err := d.say(greet + " " + d.ehlo); err != nil {
		return err
	}
	if code, lines, err = d.reply(); err != nil {
		return err
	}
	if code != "250" {
		return refused(lines[0])
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return len(l) > 4 && strings.EqualFold(strings.TrimSpace(l[4:]), "STARTTLS") }) {
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
	if !offered {
		items, err := d.dotted()
		if err != nil {
			return err
		}
		offered = slices.ContainsFunc(items, func(item string) bool { return strings.EqualFold(strings.TrimSpace(item), "STLS") })
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

// sieve is ManageSieve, RFC 5804, 1.7 and 2.2.
func (d *dialog) sieve() error {
	greeting, err := d.sieveReply()
	if err != nil {
		return err
	}
	last := greeting[len(greeting)-1]
	if !sieveOK(last) {
		return refused(last)
	}
	if !slices.ContainsFunc(greeting, func(l string) bool { return strings.EqualFold(strings.TrimSpace(l), `"STARTTLS"`) }) {
		return notOffered(last)
	}
	if err := d.say("STARTTLS"); err != nil {
		return err
	}
	reply, err := d.sieveReply()
	if err != nil {
		return err
	}
	if last := reply[len(reply)-1]; !sieveOK(last) {
		return refused(last)
	}
	return nil
}

func sieveOK(line string) bool {
	word, _, _ := strings.Cut(line, " ")
	return strings.EqualFold(word, "OK")
}

// sieveReply reads the lines up to and with the one that begins with OK, NO or
// BYE. A literal at the end of a line ({5}, RFC 5804, 4) is read with it.
func (d *dialog) sieveReply() (lines []string, err error) {
	for {
		l, err := d.line()
		for err == nil {
			n, is := literal(l)
			if !is {
				break
			}
			text := make([]byte, n)
			if _, err = io.ReadFull(d.r, text); err == nil {
				var rest string
				rest, err = d.line()
				l = l[:strings.LastIndexByte(l, '{')] + string(text) + rest
			}
			if len(l) > bannerMax {
				l = l[:bannerMax]
			}
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
		word, _, _ := strings.Cut(strings.ToUpper(l), " ")
		switch word {
		case "OK", "NO", "BYE":
			return lines, nil
		}
		if !strings.HasPrefix(l, `"`) {
			return nil, notThis(l)
		}
	}
}

// literal returns the length of the literal that a line announces.
func literal(line string) (n int, ok bool) {
	i := strings.LastIndexByte(line, '{')
	if i < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSuffix(line[i+1:len(line)-1], "+"))
	return n, err == nil && n >= 0 && n <= maxDialog
}

// nntp is RFC 4642.
func (d *dialog) nntp() error {
	code, lines, err := d.reply()
	if err != nil {
		return err
	}
	if code != "200" && code != "201" {
		return refused(lines[0])
	}
	if err := d.say("CAPABILITIES"); err != nil {
		return err
	}
	if code, lines, err = d.reply(); err != nil {
		return err
	}
	listed := code == "101" // else it is older than RFC 3977, and STARTTLS itself has to tell
	if listed {
		items, err := d.dotted()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(items, func(l string) bool { return strings.EqualFold(strings.TrimSpace(l), "STARTTLS") }) {
			return notOffered(lines[0])
		}
	}
	err = d.command("STARTTLS", "382")
	var r *refusal
	if errors.As(err, &r) && r.id == finding.StartTLSRefused && !listed && strings.HasPrefix(r.reply, "50") {
		return notOffered(r.reply)
	}
	return err
}

// dotted reads the lines up to the one that is a dot.
func (d *dialog) dotted() (lines []string, err error) {
	for {
		l, err := d.line()
		if err != nil {
			return nil, err
		}
		if l == "." {
			return lines, nil
		}
		lines = append(lines, l)
	}
}

// irc is the command STARTTLS as IRC servers have it, with the numerics 670 and
// 691. Servers greet with notices that nobody asked for, before it and while they
// are asked.
func (d *dialog) irc() error {
	if _, err := io.WriteString(d.w, "STARTTLS\r\n"); err != nil {
		return err
	}
	for {
		l, err := d.line()
		if err != nil {
			return err
		}
		words := strings.Fields(l)
		if len(words) > 0 && strings.HasPrefix(words[0], ":") {
			words = words[1:] // the server's name
		}
		if len(words) == 0 {
			continue
		}
		switch strings.ToUpper(words[0]) {
		case "670":
			return nil
		case "691", "ERROR":
			return refused(l)
		case "421", "451": // unknown command, not registered
			return notOffered(l)
		case "NOTICE", "PING", "020":
		default:
			return notThis(l)
		}
	}
}
