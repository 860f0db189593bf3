package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// service starts a server program that asks the lab in its own clients' name. It gets one port for each
// question; who asks there has the program connect to the lab.
func (e *examination) service(ctx context.Context, d Definition) (asker, func(), error) {
	home, err := e.place.freshHome(token())
	if err != nil {
		return nil, nil, err
	}
	if err := os.Chmod(home, 0o755); err != nil { // it may drop its rights
		return nil, nil, err
	}
	listen := map[string]string{}
	addrs, err := freeAddresses(len(e.Questions))
	if err != nil {
		return nil, nil, err
	}
	var each strings.Builder
	for i, q := range e.Questions {
		g, ok := e.goal(d, q)
		if !ok {
			continue
		}
		addr := addrs[i]
		listen[q.Scenario] = addr
		host, port, _ := net.SplitHostPort(addr)
		each.WriteString(strings.NewReplacer("{listen}", addr, "{listenport}", port, "{listenhost}", host).Replace(e.place.fillText(d.Serve.Each, g, home)))
	}
	config := filepath.Join(home, "config")
	text := strings.ReplaceAll(e.place.fillText(d.Serve.Config, goal{}, home), "{each}", each.String())
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, nil, err
	}
	var argv []string
	for _, w := range d.Serve.Run {
		argv = append(argv, strings.ReplaceAll(e.place.fillText(w, goal{}, home), "{config}", config))
	}
	env := map[string]string{}
	for k, v := range d.Env {
		env[k] = e.place.fillText(v, goal{}, home)
	}
	p, err := startProgram(argv, home, env)
	if err != nil {
		return nil, nil, err
	}
	stop := func() {
		p.stop()
		os.RemoveAll(home)
	}
	if err := answering(ctx, listen, p.gone, 10*time.Second); err != nil {
		stop()
		return nil, nil, fmt.Errorf("%s did not start: %s", argv[0], lastLines(p.out.String()))
	}
	ask := func(ctx context.Context, q Question, g goal, _ <-chan struct{}) ended {
		// The service was set up before the token was: its path is what we ask for.
		ctx, cancel := context.WithTimeout(ctx, e.Limit)
		defer cancel()
		addr, ok := listen[q.Scenario]
		if !ok {
			return ended{}
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/"+g.token, nil)
		if err != nil {
			return ended{err: err}
		}
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil}}).Do(req)
		if err != nil {
			return ended{err: err, timeout: ctx.Err() != nil}
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(io.LimitReader(resp.Body, maxOutput)) // the server's witness counts, not this
		return ended{output: fmt.Sprintf("%s\n%s\nHTTP %s", b, p.out.String(), resp.Status)}
	}
	return ask, stop, nil
}

// freeAddresses are loopback addresses that nobody listens on. All are held until the last is known: one
// that is given back may come again.
func freeAddresses(n int) (addrs []string, err error) {
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

// answering waits until every address is listened on.
func answering(ctx context.Context, addrs map[string]string, gone <-chan struct{}, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, a := range addrs {
		for {
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp4", a)
			if err == nil {
				c.Close()
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-gone:
				return errors.New("it has ended")
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}
