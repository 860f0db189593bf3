// Package queue carries the work of a scan from the publisher to the workers and the
// results from them to the collector, on NATS JetStream: inside the process without
// a listener, inside it with one for workers elsewhere, or on a cluster. All of them
// are one code path.
//
// The queue is never the only copy of anything: what it loses is published again
// from the job's list, and what it brings twice is stored once.
package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say where the queue is. The zero value is one inside the process, whose
// store is Dir.
type Options struct {
	// Dir is where the queue inside the process keeps its store.
	Dir string
	// Listen is an address, "host:port", at which workers elsewhere may join; "": none
	// can. Beyond loopback it takes TLS and Token.
	Listen string

	// URL is that of a server or of several, by commas; "": the queue is inside the
	// process.
	URL string
	// Credentials is a file of NATS credentials for URL; "": none.
	Credentials string

	// Token is what workers elsewhere must say, with Listen and URL; "": none.
	Token string
	// TLS is the server's side with Listen, the client's with URL; nil: none with
	// Listen, the URL's choice and the system's anchors with URL.
	TLS *tls.Config

	// Told, when not nil, is told of what may explain a standstill: connections that
	// are lost and had again. It must not wait.
	Told func(string)

	// AckWait is for how long a worker may be silent before its work is given to
	// another one. 0: a minute.
	AckWait time.Duration
}

// The bounds of a queue.
const (
	MaxQueued  = 1000      // batches that wait or are worked on
	maxSplit   = 100000    // targets of batches that were taken apart
	maxResults = 256 << 20 // octets of results that wait for the collector
	maxStore   = 1 << 30   // octets of the store inside the process
	memory     = 16 << 20  // octets of it in memory
)

// DefaultAckWait is the AckWait of a zero Options.
const DefaultAckWait = time.Minute

// How long the engine may take for what it does at once on a sound machine.
const (
	startTimeout   = 30 * time.Second
	requestTimeout = 5 * time.Second
	joinTimeout    = 10 * time.Second
)

// Engine is a connection to a queue, and the queue itself where it is inside the
// process. It is safe for concurrent use.
type Engine struct {
	o      Options
	inside bool
	conn   *nats.Conn
	js     jetstream.JetStream

	mu        sync.Mutex
	server    *server.Server // of a queue inside the process
	closed    bool
	trouble   map[string]time.Time // since when a stream takes nothing, for reasons that are none
	full      error                // why the store could not be written the last time; nil when it could
	fullSince time.Time            // since when
}

// Open starts the queue inside the process, or joins the one at o.URL. The caller
// must Close it.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.AckWait <= 0 {
		o.AckWait = DefaultAckWait
	}
	e := &Engine{o: o, inside: o.URL == "", trouble: map[string]time.Time{}}
	var err error
	if e.inside {
		err = e.start()
	}
	if err == nil {
		err = e.join(ctx)
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// ErrUnsafe is wrapped by errors about a listener that anybody could use or listen
// to.
var ErrUnsafe = errors.New("workers on other machines need TLS and a token")

// start starts the server inside the process.
func (e *Engine) start() error {
	o := &server.Options{
		ServerName: "assay", DontListen: e.o.Listen == "", NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: e.o.Dir, JetStreamMaxStore: maxStore, JetStreamMaxMemory: memory,
	}
	if e.o.Listen != "" {
		host, port, err := net.SplitHostPort(e.o.Listen)
		if err != nil {
			return err
		}
		if o.Port, err = strconv.Atoi(port); err != nil || o.Port < 0 || o.Port > 65535 {
			return fmt.Errorf("%q is not a port", port)
		}
		if o.Port == 0 {
			o.Port = server.RANDOM_PORT
		}
		ip := net.ParseIP(host)
		if loopback := ip != nil && ip.IsLoopback(); e.o.Token == "" || e.o.TLS == nil && !loopback {
			return ErrUnsafe
		}
		o.Host, o.Authorization = host, e.o.Token
		if e.o.TLS != nil {
			o.TLS, o.TLSConfig, o.TLSTimeout = true, e.o.TLS, 10
		}
	}
	if err := os.MkdirAll(e.o.Dir, 0o700); err != nil {
		return err
	}
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("the queue cannot start: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		return errors.New("the queue did not start: its port may be taken, or its store is not readable")
	}
	if e.o.Listen != "" {
		e.o.Listen = s.Addr().String() // where it is, if it has to start again
	}
	e.server = s
	return nil
}

// InProcessConn makes a connection to the server that there is now; package nats asks
// for it whenever it connects.
func (e *Engine) InProcessConn() (net.Conn, error) {
	e.mu.Lock()
	s := e.server
	e.mu.Unlock()
	if s == nil {
		return nil, errors.New("the queue is not running")
	}
	return s.InProcessConn()
}

// reviveAfter is for how long a stream may fail before the server inside the process
// is started again.
const reviveAfter = 3 * time.Second

// noted is told whether a stream took a message. A server whose store was taken away
// under it, or that has given up on a disk that was full, does not recover by itself: it is
// started again as soon as its folder can be written. What it had and has no more is
// published again.
func (e *Engine) noted(stream string, err error) {
	if !e.inside {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	since, troubled := e.trouble[stream]
	switch {
	case err == nil:
		delete(e.trouble, stream)
		e.full = nil
	case !troubled:
		e.trouble[stream] = time.Now()
	case time.Since(since) > reviveAfter && !e.closed:
		clear(e.trouble)
		e.revive(err)
	}
}

// revive starts the server again. It is called with the lock held.
func (e *Engine) revive(why error) {
	tell := e.o.Told
	if tell == nil {
		tell = func(string) {}
	}
	if err := writable(e.o.Dir); err != nil {
		if e.full == nil {
			e.fullSince = time.Now()
		}
		e.full = err
		go tell(fmt.Sprintf("the queue's store cannot be written: %v", err))
		return
	}
	e.full = nil
	go tell(fmt.Sprintf("the queue is started again: %v", why))
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
		e.server = nil
	}
	if err := e.start(); err != nil {
		go tell(err.Error())
	}
}

// Full is why the queue's store cannot be written, once that has lasted for so long; nil while
// there is hope.
func (e *Engine) Full(lasting time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.full == nil || time.Since(e.fullSince) < lasting {
		return nil
	}
	return fmt.Errorf("the queue's store cannot be written: %w", e.full)
}

// writable wants a folder that takes a file of some size.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "room-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 256<<10))
	return errors.Join(err, f.Close())
}

// join connects to the server.
func (e *Engine) join(ctx context.Context) (err error) {
	told := func(format string, args ...any) {
		if e.o.Told != nil {
			e.o.Told(fmt.Sprintf(format, args...))
		}
	}
	options := []nats.Option{
		nats.Name("assay"), nats.MaxReconnects(-1), nats.ReconnectWait(300 * time.Millisecond), nats.ReconnectJitter(200*time.Millisecond, time.Second),
		nats.Timeout(requestTimeout), nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(3),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				told("the connection to the queue is lost: %v", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { told("connected to the queue again") }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // what fails is told where it is asked for
	}
	if e.o.Token != "" {
		options = append(options, nats.Token(e.o.Token))
	}
	url := e.o.URL
	if e.inside {
		options = append(options, nats.InProcessServer(e))
	} else {
		if e.o.Credentials != "" {
			options = append(options, nats.UserCredentials(e.o.Credentials))
		}
		if e.o.TLS != nil {
			options = append(options, nats.Secure(e.o.TLS))
		}
	}
	// The queue may be starting on another machine, or again after a fall.
	for began := time.Now(); ; {
		if e.conn, err = nats.Connect(url, options...); err == nil || time.Since(began) > joinTimeout || ctx.Err() != nil {
			break
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	if err != nil {
		return fmt.Errorf("the queue at %s cannot be reached: %w", Redacted(url), err)
	}
	e.js, err = jetstream.New(e.conn, jetstream.WithPublishAsyncTimeout(requestTimeout), jetstream.WithDefaultTimeout(requestTimeout))
	return err
}

// Redacted is a list of URLs without what may be passwords in them.
func Redacted(urls string) string {
	var out []string
	for u := range strings.SplitSeq(urls, ",") {
		scheme, rest, ok := strings.Cut(strings.TrimSpace(u), "://")
		if !ok {
			rest, scheme = scheme, "nats"
		}
		if i := strings.LastIndex(rest, "@"); i >= 0 {
			rest = rest[i+1:]
		}
		out = append(out, scheme+"://"+rest)
	}
	return strings.Join(out, ", ")
}

// Close leaves the queue, and ends it when it is inside the process.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.closed = true
	if e.conn != nil {
		e.conn.Close()
	}
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
}

// Inside reports whether the queue is inside this process.
func (e *Engine) Inside() bool { return e.inside }

// Addr is the address at which workers can join; "" when none can.
func (e *Engine) Addr() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server == nil || e.o.Listen == "" {
		return ""
	}
	return e.server.Addr().String()
}

// Connected reports whether there is a connection now.
func (e *Engine) Connected() bool { return e.conn.IsConnected() }

// replicas is how many servers keep each message: three where there are as many.
func (e *Engine) replicas() int {
	if e.inside {
		return 1
	}
	servers := e.conn.DiscoveredServers()
	return min(3, max(1, len(servers), len(e.conn.Servers())))
}

// Jobs lists the jobs of the queue.
func (e *Engine) Jobs(ctx context.Context) ([]string, error) {
	var ids []string
	names := e.js.StreamNames(ctx)
	for name := range names.Name() {
		if id, ok := strings.CutSuffix(name, "-work"); ok {
			if id, ok = strings.CutPrefix(id, "assay-"); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids, names.Err()
}

// StoreDir is the folder of the store of a queue inside the process, in a job's
// folder.
func StoreDir(job string) string { return filepath.Join(job, "queue") }
