package clients

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/assaytls/assay/internal/lab/serve"
)

// proxy is a CONNECT proxy on loopback that knows the lab's names and leads nowhere else.
type proxy struct {
	ln   net.Listener
	goal map[string]string // host:port of a scenario to its address
}

// startProxy starts the proxy of a lab.
func startProxy(l *serve.Lab) (*proxy, error) {
	p := &proxy{goal: map[string]string{}}
	for _, s := range l.Scenarios {
		p.goal[s.Target()] = s.Addr
	}
	var err error
	if p.ln, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := p.ln.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p, nil
}

func (p *proxy) close() { p.ln.Close() }

// into sets the variables by which programs find the proxy.
func (p *proxy) into(env map[string]string) {
	for _, name := range []string{"https_proxy", "HTTPS_PROXY"} {
		env[name] = "http://" + p.ln.Addr().String()
	}
}

// serve answers one CONNECT and copies both ways until one side ends.
func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	addr, ok := p.goal[req.Host]
	if req.Method != http.MethodConnect || !ok {
		io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		return
	}
	up, err := net.DialTimeout("tcp4", addr, 5*time.Second)
	if err != nil {
		io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer up.Close()
	io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	c.SetReadDeadline(time.Time{})
	go func() {
		io.Copy(up, r)
		up.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(c, up)
}
