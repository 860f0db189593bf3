// Package ctlog runs a real Certificate Transparency log for tests: the
// front end of certificate-transparency-go over Trillian with its in-memory
// storage, in this process, on loopback. Nothing is kept.
//
// It is a module of its own so that assay's go.mod does not get its many
// dependencies.
package ctlog

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/certificate-transparency-go/trillian/ctfe"
	"github.com/google/certificate-transparency-go/trillian/ctfe/configpb"
	"github.com/google/trillian"
	"github.com/google/trillian/crypto/keys"
	"github.com/google/trillian/crypto/keys/der"
	"github.com/google/trillian/crypto/keyspb"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/log"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/storage"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/assaytls/assay/internal/lab/forge"
)

// Log is a running RFC 6962 log.
type Log struct {
	URL string     // "http://127.0.0.1:port/log/"
	Key *forge.Key // what it signs with

	server *http.Server
	cancel context.CancelFunc
	done   chan struct{} // the sequencer has ended
}

// mergeDelay is the log's maximum merge delay.
const mergeDelay = 10 * time.Second

func init() {
	keys.RegisterHandler(&keyspb.PrivateKey{}, der.FromProto)
}

// Start runs a log that accepts chains to the given roots (DER). Entries are
// merged within a few hundredths of a second. Callers must call Close.
func Start(roots ...[]byte) (*Log, error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Log{Key: forge.P256(), cancel: cancel, done: make(chan struct{})}
	client, err := l.startTrillian(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	if err := l.startFrontEnd(ctx, client, roots); err != nil {
		cancel()
		<-l.done
		return nil, err
	}
	return l, nil
}

// Close stops the log and waits for its goroutines.
func (l *Log) Close() {
	l.server.Close()
	l.cancel()
	<-l.done
}

// startTrillian makes a tree in memory and merges what is queued, until ctx
// ends.
func (l *Log) startTrillian(ctx context.Context) (*client, error) {
	trees := memory.NewTreeStorage()
	registry := extension.Registry{
		AdminStorage:  memory.NewAdminStorage(trees),
		LogStorage:    memory.NewLogStorage(trees, nil),
		QuotaManager:  quota.Noop(),
		MetricFactory: monitoring.InertMetricFactory{},
	}
	tree, err := storage.CreateTree(ctx, registry.AdminStorage, &trillian.Tree{
		TreeState: trillian.TreeState_ACTIVE, TreeType: trillian.TreeType_LOG, MaxRootDuration: durationpb.New(time.Second)})
	if err != nil {
		return nil, err
	}
	c := &client{server.NewTrillianLogRPCServer(registry, clock.System), tree.TreeId}
	if _, err := c.InitLog(ctx, &trillian.InitLogRequest{LogId: tree.TreeId}); err != nil {
		return nil, err
	}
	sequencer := log.NewSequencerManager(registry, 0)
	info := &log.OperationInfo{Registry: registry, BatchSize: 100, TimeSource: clock.System}
	go func() {
		defer close(l.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				sequencer.ExecutePass(ctx, tree.TreeId, info) // a failed pass is tried again at the next tick
			}
		}
	}()
	return c, nil
}

// startFrontEnd serves ct/v1 under /log/.
func (l *Log) startFrontEnd(ctx context.Context, c *client, roots [][]byte) error {
	pem, err := os.CreateTemp("", "ctlog-roots-*.pem")
	if err != nil {
		return err
	}
	defer os.Remove(pem.Name())
	if _, err := pem.Write(forge.PEM("CERTIFICATE", roots...)); err != nil {
		return err
	}
	if err := pem.Close(); err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(l.Key.Signer)
	if err != nil {
		return err
	}
	key, err := anypb.New(&keyspb.PrivateKey{Der: private})
	if err != nil {
		return err
	}
	valid, err := ctfe.ValidateLogConfig(&configpb.LogConfig{LogId: c.tree, Prefix: "log", RootsPemFile: []string{pem.Name()}, PrivateKey: key,
		MaxMergeDelaySec: int32(mergeDelay / time.Second), ExpectedMergeDelaySec: 1})
	if err != nil {
		return err
	}
	instance, err := ctfe.SetUpInstance(ctx, ctfe.InstanceOptions{Validated: valid, Client: c, Deadline: 10 * time.Second,
		MetricFactory: monitoring.InertMetricFactory{}, RequestLog: new(ctfe.DefaultRequestLog)})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for path, h := range instance.Handlers {
		mux.Handle(path, h)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.URL = "http://" + listener.Addr().String() + "/log/"
	l.server = &http.Server{Handler: mux}
	go l.server.Serve(listener)
	return nil
}

// List is a log list, v3, that has only this log.
func (l *Log) List() []byte {
	return forge.LogList(time.Now(), forge.Log{Key: l.Key, Description: "CTFE in memory", Operator: "lab", URL: l.URL, MMD: int(mergeDelay / time.Second)})
}

// AddChain logs a final certificate with its issuers and returns the SCT, serialized.
func (l *Log) AddChain(chain ...[]byte) ([]byte, error) { return l.add("add-chain", chain) }

// AddPreChain logs a precertificate with its issuers and returns the SCT, serialized.
func (l *Log) AddPreChain(chain ...[]byte) ([]byte, error) { return l.add("add-pre-chain", chain) }

func (l *Log) add(method string, chain [][]byte) ([]byte, error) {
	body, err := json.Marshal(map[string]any{"chain": chain})
	if err != nil {
		return nil, err
	}
	resp, err := http.Post(l.URL+"ct/v1/"+method, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: HTTP status %d: %s", method, resp.StatusCode, strings.TrimSpace(string(answer)))
	}
	var s struct {
		Version    byte   `json:"sct_version"`
		ID         []byte `json:"id"`
		Timestamp  uint64 `json:"timestamp"`
		Extensions []byte `json:"extensions"`
		Signature  []byte `json:"signature"`
	}
	if err := json.Unmarshal(answer, &s); err != nil {
		return nil, err
	}
	if len(s.ID) != 32 {
		return nil, errors.New("the log's answer has no log ID")
	}
	raw := append([]byte{s.Version}, s.ID...)
	for shift := 56; shift >= 0; shift -= 8 {
		raw = append(raw, byte(s.Timestamp>>shift))
	}
	raw = append(raw, byte(len(s.Extensions)>>8), byte(len(s.Extensions)))
	return append(append(raw, s.Extensions...), s.Signature...), nil
}
