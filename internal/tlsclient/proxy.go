package tlsclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// ParseProxy reads a proxy's address: http://, https:// (HTTP under TLS),
// socks5:// or socks5h://, with user:password@ where the proxy wants them. Without
// a scheme it is an HTTP proxy; without a port 8080, 443 or 1080 is meant. Names
// are always resolved by the proxy.
func ParseProxy(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("not a proxy URL") // the error's text would repeat a password
	}
	port := map[string]string{"http": "8080", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	switch {
	case port == "":
		return nil, fmt.Errorf("proxy scheme %q; http, https, socks5 and socks5h are known", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("a proxy URL without a host")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return nil, errors.New("a proxy URL has no path")
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return u, nil
}

// ProxyFromEnvironment returns the proxy for host and port by HTTPS_PROXY, else
// ALL_PROXY, unless NO_PROXY excepts the host ("" = none). Loopback is never
// proxied.
func ProxyFromEnvironment(host, port string) (string, error) {
	env := httpproxy.FromEnvironment()
	for _, name := range []string{"ALL_PROXY", "all_proxy"} {
		if env.HTTPSProxy == "" {
			env.HTTPSProxy = os.Getenv(name)
		}
	}
	u, err := env.ProxyFunc()(&url.URL{Scheme: "https", Host: net.JoinHostPort(host, port)})
	if err != nil {
		return "", errors.New("the proxy in the environment is not a URL")
	}
	if u == nil {
		return "", nil
	}
	return u.String(), nil
}

// tunnel asks the proxy at the other end of conn for a connection to the
// target, and returns the connection that leads there.
func (c *Config) tunnel(ctx context.Context, conn net.Conn) (net.Conn, *evidence.Failure) {
	proxy := c.proxy
	plain := conn
	defer context.AfterFunc(ctx, func() { plain.SetDeadline(time.Unix(1, 0)) })()
	begin := time.Now()
	plain.SetDeadline(begin.Add(c.ConnectTimeout))
	defer plain.SetDeadline(time.Time{})
	// The proxy resolves the name, unless an address was given for it.
	host := c.Host
	if addrs, ok := c.known(c.Host, c.Port); ok && len(addrs) > 0 {
		host = addrs[0].WithZone("").String()
	}
	var id finding.ID
	var err error
	switch proxy.Scheme {
	case "https":
		if conn, err = c.proxyTLS(ctx, conn); err != nil {
			id = finding.ProxyFailure
			break
		}
		fallthrough
	case "http":
		c.page, id, err = httpConnect(conn, net.JoinHostPort(host, c.Port), proxy.User)
	default:
		id, err = socksConnect(conn, host, c.Port, proxy.User)
	}
	if err == nil {
		return conn, nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, cancelled(ctx, "proxy")
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it closed the connection")
	case isTimeout(err):
		err = fmt.Errorf("no answer within %s", waited(c.ConnectTimeout, time.Since(begin)))
	}
	return nil, c.proxyFailed(id, err)
}

func (c *Config) proxyFailed(id finding.ID, err error) *evidence.Failure {
	return &evidence.Failure{ID: id, Stage: "proxy", Detail: clean(err.Error()),
		Params: map[string]string{"proxy": clean(c.proxy.Redacted()), "host": clean(c.Host), "port": c.Port, "detail": clean(err.Error())}}
}

// proxyTLS makes the TLS connection to an https proxy. Its certificate is
// verified by crypto/tls and nothing else: it protects the login and the
// target's name, and what is judged is the target.
func (c *Config) proxyTLS(ctx context.Context, conn net.Conn) (net.Conn, error) {
	tc := tls.Client(conn, &tls.Config{ServerName: c.proxy.Hostname(), RootCAs: c.ProxyRoots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	err := tc.HandshakeContext(ctx)
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unverified):
		return nil, fmt.Errorf("its own certificate is not trusted: %w", unverified.Err)
	case isTimeout(err):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("the TLS handshake with it failed: %s", plainError(err))
	}
	return tc, nil
}

// pageInstead is the failure of a proxy that answered CONNECT with 200 and then
// sent a page in place of the connection; nil when it did not say that it would,
// or sent something else.
func (c *Config) pageInstead(in []byte) *evidence.Failure {
	text := strings.TrimLeft(string(in[:min(len(in), bannerMax)]), " \t\r\n")
	if c.page == "" || !strings.HasPrefix(text, "<") {
		return nil
	}
	return c.proxyFailed(finding.ProxyRefused, fmt.Errorf("it answered %s and sent a page instead of a connection: %s", c.page, banner([]byte(text))))
}

// proxyUnreached is the failure of a target whose proxy could not be connected
// to, for the reason given.
func (c *Config) proxyUnreached(why *evidence.Failure) *evidence.Failure {
	detail := map[finding.ID]string{
		finding.ConnectionRefused: "it refused the connection", finding.ConnectionTimeout: "it cannot be connected to within " + why.Params["timeout"],
		finding.DNSNotFound: "its name does not exist in the DNS", finding.DNSTimeout: "the DNS does not answer for its name",
	}[why.ID]
	if detail == "" {
		detail = "it cannot be connected to"
		if why.Detail != "" {
			detail += " (" + why.Detail + ")"
		}
	}
	return &evidence.Failure{ID: finding.ProxyFailure, Stage: "proxy", Detail: why.Detail,
		Params: map[string]string{"proxy": clean(c.proxy.Redacted()), "host": clean(c.Host), "port": c.Port, "detail": clean(detail)}}
}

// maxProxyHeader bounds the answer to CONNECT.
const maxProxyHeader = 16 << 10

// httpConnect is RFC 9110, 9.3.6. page is the status of an answer that grants the
// connection and announces a body, which it may not have.
func httpConnect(conn net.Conn, target string, user *url.Userinfo) (page string, id finding.ID, err error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", target, target)
	if user != nil {
		password, _ := user.Password()
		fmt.Fprintf(&b, "Proxy-Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	b.WriteString("\r\n")
	if _, err := conn.Write(b.Bytes()); err != nil {
		return "", finding.ProxyFailure, err
	}
	// One octet at a time: what follows the header is not the proxy's.
	var header []byte
	for one := make([]byte, 1); !bytes.HasSuffix(header, []byte("\r\n\r\n")); header = append(header, one[0]) {
		if len(header) >= maxProxyHeader {
			return "", finding.ProxyFailure, errors.New("its answer is too long")
		}
		if _, err := io.ReadFull(conn, one); err != nil {
			return "", finding.ProxyFailure, err
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(header)), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return "", finding.ProxyFailure, errors.New("its answer is not HTTP")
	}
	resp.Body.Close()
	switch h := resp.Header; {
	case resp.StatusCode/100 == 2 && (h.Get("Content-Type") != "" || h.Get("Content-Length") != "" && h.Get("Content-Length") != "0"):
		return resp.Status, "", nil
	case resp.StatusCode/100 == 2:
		return "", "", nil
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return "", finding.ProxyAuthRequired, errors.New(loginWanted(resp, user != nil))
	}
	return "", finding.ProxyRefused, errors.New(refusalOf(resp))
}

// loginWanted says how a proxy wants its users to log in.
func loginWanted(resp *http.Response, given bool) string {
	schemes := challenges(resp.Header.Values("Proxy-Authenticate"))
	basic := slices.ContainsFunc(schemes, func(s string) bool { return strings.EqualFold(s, "Basic") })
	switch {
	case len(schemes) > 0 && !basic:
		return fmt.Sprintf("%s; it wants %s, and assay knows Basic", resp.Status, strings.Join(schemes, " or "))
	case given:
		return resp.Status + "; the login was not accepted"
	}
	return resp.Status
}

// challenges returns the schemes of the challenges, each once (RFC 9110, 11.6.1): the
// words that begin an element of the list and are no parameter.
func challenges(headers []string) (schemes []string) {
	quoted := false
	for element := range strings.FieldsFuncSeq(strings.Join(headers, ","), func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	}) {
		word, _, _ := strings.Cut(strings.TrimSpace(element), " ")
		if word == "" || strings.ContainsAny(word, "=\"") || len(word) > 32 || len(schemes) == 8 ||
			slices.ContainsFunc(schemes, func(s string) bool { return strings.EqualFold(s, word) }) {
			continue
		}
		schemes = append(schemes, word)
	}
	return schemes
}

// refusalOf is a proxy's refusal, with what its headers say of the reason.
func refusalOf(resp *http.Response) string {
	text := resp.Status
	for _, name := range []string{"X-Squid-Error", "Proxy-Status", "Location"} {
		if v := resp.Header.Get(name); v != "" {
			text += fmt.Sprintf(" (%s: %s)", name, v[:min(len(v), bannerMax)])
		}
	}
	return text
}

// The replies of RFC 1928, 6.
var socksReplies = []string{"", "general failure", "not allowed by its rules", "network unreachable", "host unreachable",
	"connection refused", "TTL expired", "command not supported", "address type not supported"}

// socksConnect is RFC 1928, with RFC 1929 when there is a user.
func socksConnect(conn net.Conn, host, port string, user *url.Userinfo) (finding.ID, error) {
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return finding.ProxyFailure, fmt.Errorf("port %s is not a number", port)
	}
	methods := []byte{5, 1, 0}
	if user != nil {
		methods = []byte{5, 2, 0, 2}
	}
	answer := make([]byte, 2)
	if err := ask(conn, methods, answer); err != nil {
		return finding.ProxyFailure, err
	}
	switch {
	case answer[0] != 5:
		return finding.ProxyFailure, errors.New("it does not speak SOCKS5")
	case answer[1] == 2 && user != nil:
		if id, err := socksLogin(conn, user); err != nil {
			return id, err
		}
	case answer[1] != 0:
		return finding.ProxyAuthRequired, errors.New("it accepts no way to log in that was offered")
	}

	request := []byte{5, 1, 0}
	if a, err := netip.ParseAddr(host); err != nil {
		if len(host) > 255 {
			return finding.ProxyFailure, errors.New("the host name is too long for SOCKS5")
		}
		request = append(append(request, 3, byte(len(host))), host...)
	} else if a = a.Unmap(); a.Is4() {
		request = append(append(request, 1), a.AsSlice()...)
	} else {
		request = append(append(request, 4), a.AsSlice()...)
	}
	request = append(request, byte(p>>8), byte(p))
	reply := make([]byte, 5) // up to the first octet of the bound address
	if err := ask(conn, request, reply); err != nil {
		return finding.ProxyFailure, err
	}
	if reply[0] != 5 {
		return finding.ProxyFailure, errors.New("its reply is not SOCKS5")
	}
	if code := int(reply[1]); code != 0 {
		text := "reply " + strconv.Itoa(code)
		if code < len(socksReplies) {
			text = socksReplies[code]
		}
		return finding.ProxyRefused, errors.New(text)
	}
	rest, ok := map[byte]int{1: 4 + 2 - 1, 4: 16 + 2 - 1, 3: int(reply[4]) + 2}[reply[3]]
	if !ok {
		return finding.ProxyFailure, errors.New("its reply has an unknown address type")
	}
	if _, err := io.ReadFull(conn, make([]byte, rest)); err != nil {
		return finding.ProxyFailure, err
	}
	return "", nil
}

func socksLogin(conn net.Conn, user *url.Userinfo) (finding.ID, error) {
	name := user.Username()
	password, _ := user.Password()
	if len(name) > 255 || len(password) > 255 {
		return finding.ProxyFailure, errors.New("name or password is too long for SOCKS5")
	}
	login := append([]byte{1, byte(len(name))}, name...)
	login = append(append(login, byte(len(password))), password...)
	answer := make([]byte, 2)
	if err := ask(conn, login, answer); err != nil {
		return finding.ProxyFailure, err
	}
	if answer[1] != 0 {
		return finding.ProxyAuthRequired, errors.New("name or password was refused")
	}
	return "", nil
}

// ask writes a request and reads an answer of fixed length.
func ask(conn net.Conn, request, answer []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, answer)
	return err
}
