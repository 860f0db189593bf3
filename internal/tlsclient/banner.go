package tlsclient

import (
	"bytes"
	"strings"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// bannerMax bounds how much of a server's plain text is quoted.
const bannerMax = 120

// plaintext classifies a server that did not answer in TLS.
func (c *Config) plaintext(in []byte, err error) *evidence.Failure {
	if f := c.pageInstead(in); f != nil {
		return f
	}
	protocol, starttls := speaks(in, c.Port)
	kv := []string{"protocol", protocol, "banner", banner(in)}
	switch {
	case protocol == "HTTP":
		return c.failed(finding.PlaintextHTTP, err, kv...)
	case protocol == "SSH":
		return c.failed(finding.PlaintextSSH, err, kv...)
	case starttls != "":
		return c.failed(finding.PlaintextStartTLS, err, append(kv, "starttls", starttls)...)
	case protocol != "":
		return c.failed(finding.PlaintextOther, err, kv...)
	}
	return c.failed(finding.NotTLS, err, kv...)
}

// speaks names the protocol of a server's first octets, and the name by which
// STARTTLS is asked for where the protocol has it.
func speaks(in []byte, port string) (protocol, starttls string) {
	text := string(in[:min(len(in), 512)])
	lower := strings.ToLower(text)
	begins := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(text, p) {
				return true
			}
		}
		return false
	}
	switch {
	case begins("SSH-"):
		return "SSH", ""
	case begins("HTTP/") || strings.HasPrefix(lower, "<html") || strings.HasPrefix(lower, "<!doctype html"):
		return "HTTP", ""
	case begins("<?xml", "<stream:") && strings.Contains(lower, "stream"):
		return "XMPP", "xmpp"
	case begins("* OK", "* PREAUTH", "* BYE"):
		return "IMAP", "imap"
	case begins("+OK"):
		return "POP3", "pop3"
	case strings.HasPrefix(lower, `"implementation"`), begins(`BYE "`): // RFC 5804, 1.3: Dovecot may end at a ClientHello before it greets
		return "ManageSieve", "sieve"
	case isIRC(text):
		return "IRC", "irc"
	case begins("RFB 0"):
		return "VNC", ""
	case begins("@RSYNCD:"):
		return "rsync", ""
	case begins("-ERR", "-DENIED", "-NOAUTH"):
		if port == "110" {
			return "POP3", "pop3"
		}
		return "Redis", ""
	case begins("AMQP"):
		return "AMQP", ""
	case begins("ERROR\r\n"):
		return "memcached", ""
	case isReply(text):
		return mailOrFTP(lower, port)
	case isMySQL(in):
		return "MySQL", "mysql"
	case isPostgres(in):
		return "PostgreSQL", "postgres"
	case isLDAP(in):
		return "LDAP", "ldap"
	case isHTTP2(in):
		return "HTTP", "" // HTTP/2 without TLS
	case len(in) >= 3 && in[0] == 0xff && in[1] >= 0xfb && in[1] <= 0xfe:
		return "telnet", ""
	case len(in) >= 4 && in[0] == 3 && in[1] == 0 && in[2] == 0:
		return "RDP", "rdp"
	}
	return "", ""
}

// isReply reports whether text begins with a reply code of the FTP and SMTP
// kind.
func isReply(text string) bool {
	if len(text) < 4 || text[3] != ' ' && text[3] != '-' {
		return false
	}
	for i := range 3 {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text[0] >= '1' && text[0] <= '5'
}

func mailOrFTP(lower, port string) (protocol, starttls string) {
	switch {
	case strings.Contains(lower, "lmtp"):
		return "LMTP", "lmtp"
	case strings.Contains(lower, "smtp") || strings.Contains(lower, "mail"):
		return "SMTP", "smtp"
	case strings.Contains(lower, "ftp") || port == "21":
		return "FTP", "ftp"
	case strings.Contains(lower, "nntp") || strings.Contains(lower, "news") || port == "119":
		return "NNTP", "nntp"
	}
	return "SMTP", "smtp"
}

// isIRC recognizes the notices with which IRC servers greet, and their errors.
func isIRC(text string) bool {
	words := strings.Fields(text)
	if len(words) > 1 && strings.HasPrefix(words[0], ":") {
		words = words[1:] // the server's name
	}
	return len(words) > 1 && (words[0] == "NOTICE" || words[0] == "ERROR" && strings.HasPrefix(words[1], ":"))
}

// isMySQL recognizes the first packet of a MySQL or MariaDB server: a
// handshake of protocol 10, or an error.
func isMySQL(in []byte) bool {
	return len(in) >= 6 && in[3] == 0 && in[2] == 0 && (in[4] == 10 && bytes.IndexByte(in[5:], 0) > 0 || in[4] == 0xff && len(in) >= 8)
}

// isPostgres recognizes an ErrorResponse.
func isPostgres(in []byte) bool {
	return len(in) >= 6 && in[0] == 'E' && (in[1] == 0 && in[5] == 'S' || bytes.HasPrefix(in, []byte("EFATAL")))
}

// isLDAP recognizes the Notice of Disconnection (RFC 4511, 4.4.1) and other
// LDAPMessages: SEQUENCE, then a messageID.
func isLDAP(in []byte) bool {
	if len(in) < 7 || in[0] != 0x30 {
		return false
	}
	i := 2
	if in[1] > 0x80 && in[1] <= 0x84 {
		i += int(in[1] - 0x80)
	}
	return len(in) > i+1 && in[i] == 2 && in[i+1] >= 1 && in[i+1] <= 4
}

// isHTTP2 recognizes a SETTINGS or GOAWAY frame on stream 0.
func isHTTP2(in []byte) bool {
	return len(in) >= 9 && in[0] == 0 && (in[3] == 4 || in[3] == 7) && bytes.Equal(in[5:9], []byte{0, 0, 0, 0})
}

// banner is the first line of a server's plain text, shortened.
func banner(in []byte) string {
	line := in[:min(len(in), bannerMax)]
	if i := bytes.IndexAny(line, "\r\n"); i > 0 {
		line = line[:i]
	}
	return string(line)
}
