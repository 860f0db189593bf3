package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// chromium starts Chromium and speaks to it over a pipe in the DevTools protocol: no port that others could
// reach. Each question gets a tab.
func (e *examination) chromium(ctx context.Context, d Definition, home string) (asker, func(), error) {
	// Where NSS has its store by the XDG variables of an exam, and where it had it before.
	for _, dir := range []string{".pki/nssdb", "pki/nssdb"} {
		if err := e.place.copyNSS(filepath.Join(home, dir)); err != nil {
			return nil, nil, err
		}
	}
	restore, err := e.policies(d, home)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs, err := pipes()
	if err != nil {
		restore()
		return nil, nil, err
	}
	argv := []string{d.Detect[0], "--headless", "--remote-debugging-pipe", "--user-data-dir=" + filepath.Join(home, "profile"),
		"--no-sandbox", // it leads to loopback alone, and its own sandbox needs rights that a namespace or root has not
		"--no-first-run", "--no-default-browser-check", "--no-proxy-server", "--disable-gpu", "--disable-dev-shm-usage", "--disable-sync",
		"--disable-extensions", "--disable-background-networking", "--disable-component-update", "--password-store=basic"}
	if e.isolation != Namespace {
		argv = append(argv, "--host-resolver-rules=MAP *."+Domain+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
	}
	p, err := startProgram(argv, home, d.Env, theirs...)
	if err != nil {
		restore()
		ours.close()
		return nil, nil, err
	}
	stop := func() {
		p.stop()
		ours.close()
		restore()
	}
	c := newDevTools(ours)
	begin, cancel := context.WithTimeout(ctx, browserStart)
	defer cancel()
	if err := c.call(begin, "", "Browser.getVersion", nil, nil); err != nil {
		stop()
		return nil, nil, fmt.Errorf("it did not start: %w; it said: %s", err, lastLines(p.out.String()))
	}
	return func(ctx context.Context, q Question, g goal, done <-chan struct{}) ended {
		ctx, cancel := context.WithTimeout(ctx, e.Limit)
		defer cancel()
		return c.visit(ctx, g.url(), done)
	}, stop, nil
}

// policies puts the settings of a row in the place of this machine's policies, which do not count in an exam. restore
// undoes it.
func (e *examination) policies(d Definition, home string) (restore func(), err error) {
	if e.isolation != Namespace {
		if len(d.Settings) > 0 {
			return nil, errors.New("its policies can be set in a namespace only: --isolation namespace")
		}
		return func() {}, nil
	}
	dir := filepath.Join(home, "etc")
	managed := filepath.Join(dir, "policies", "managed")
	if err := os.MkdirAll(managed, 0o755); err != nil {
		return nil, err
	}
	settings := d.Settings
	if settings == nil {
		settings = map[string]any{}
	}
	b, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(managed, "exam.json"), b, 0o644); err != nil {
		return nil, err
	}
	etc := "/etc/chromium"
	if d.Detect[0] == "google-chrome" {
		etc = "/etc/opt/chrome"
	}
	if _, err := os.Stat(etc); err != nil {
		if len(d.Settings) > 0 {
			return nil, fmt.Errorf("its policies cannot be set: %w", err)
		}
		return func() {}, nil
	}
	return e.place.bindUntil(dir, etc)
}

// pipe is our side of the two pipes.
type pipe struct{ r, w *os.File }

func (p pipe) close() { p.r.Close(); p.w.Close() }

// pipes makes both pipes: the browser reads orders from its descriptor 3 and answers on 4.
func pipes() (ours pipe, theirs []*os.File, err error) {
	orders, ourW, err := os.Pipe()
	if err != nil {
		return pipe{}, nil, err
	}
	ourR, answers, err := os.Pipe()
	if err != nil {
		orders.Close()
		ourW.Close()
		return pipe{}, nil, err
	}
	return pipe{ourR, ourW}, []*os.File{orders, answers}, nil
}

// maxMessage bounds one message of a browser.
const maxMessage = 16 << 20

// devTools is a client of the DevTools protocol over a pipe: JSON, ended by a zero octet. It can be used
// concurrently.
type devTools struct {
	w io.Writer

	mu      sync.Mutex
	next    int
	waiting map[int]chan devMessage
	ended   error // the pipe has
}

type devMessage struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func newDevTools(p pipe) *devTools {
	c := &devTools{w: p.w, waiting: map[int]chan devMessage{}}
	go c.read(p.r)
	return c
}

// read gives answers to those who wait for them; events are dropped.
func (c *devTools) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxMessage)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, 0); i >= 0 {
			return i + 1, data[:i], nil
		}
		return 0, nil, nil
	})
	for s.Scan() {
		var m devMessage
		if json.Unmarshal(s.Bytes(), &m) != nil || m.ID == 0 {
			continue
		}
		c.mu.Lock()
		ch := c.waiting[m.ID]
		delete(c.waiting, m.ID)
		c.mu.Unlock()
		if ch != nil {
			ch <- m // it has room for one
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = errors.Join(errors.New("the browser has ended"), s.Err())
	for _, ch := range c.waiting {
		close(ch)
	}
	c.waiting = nil
}

// call gives an order and waits for its answer, which goes into result when that is not nil.
func (c *devTools) call(ctx context.Context, session, method string, params, result any) error {
	c.mu.Lock()
	if c.ended != nil {
		defer c.mu.Unlock()
		return c.ended
	}
	c.next++
	ch := make(chan devMessage, 1)
	c.waiting[c.next] = ch
	id := c.next
	b, err := json.Marshal(struct {
		ID      int    `json:"id"`
		Session string `json:"sessionId,omitempty"`
		Method  string `json:"method"`
		Params  any    `json:"params,omitempty"`
	}{id, session, method, params})
	if err == nil {
		_, err = c.w.Write(append(b, 0))
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case m, ok := <-ch:
		switch {
		case !ok:
			return c.ended
		case m.Error != nil:
			return errors.New(m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
		return ctx.Err()
	}
}

// visit leads a new tab to url until the request has arrived, the browser refuses, or the limit comes.
func (c *devTools) visit(ctx context.Context, url string, done <-chan struct{}) (e ended) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type values map[string]any
	var tab struct {
		Target string `json:"targetId"`
	}
	if err := c.call(ctx, "", "Target.createTarget", values{"url": "about:blank"}, &tab); err != nil {
		return ended{err: err}
	}
	defer c.call(context.WithoutCancel(ctx), "", "Target.closeTarget", values{"targetId": tab.Target}, nil)
	var attached struct {
		Session string `json:"sessionId"`
	}
	if err := c.call(ctx, "", "Target.attachToTarget", values{"targetId": tab.Target, "flatten": true}, &attached); err != nil {
		return ended{err: err}
	}
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	var went struct {
		Error string `json:"errorText"`
	}
	switch err := c.call(ctx, attached.Session, "Page.navigate", values{"url": url}, &went); {
	case errors.Is(err, context.Canceled): // the request has arrived
		return ended{}
	case errors.Is(err, context.DeadlineExceeded):
		return ended{timeout: true}
	case err != nil:
		return ended{err: err}
	}
	return ended{output: went.Error}
}
