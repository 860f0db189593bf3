package filters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/crlite"
)

// The publishers that have names.
const (
	mozillaServer      = "https://firefox.settings.services.mozilla.com/v1"
	mozillaAttachments = "https://firefox-settings-attachments.cdn.mozilla.net/"
	upkiManifest       = "https://upki.rustls.dev/revocation/manifest.json"
)

// mozillaRoot is the SHA-256 of the root certificate that signs for Mozilla's
// Remote Settings in production, CN=root-ca-production-amo, valid from 2024 to
// 2200, as Firefox ESR 153 has it.
var mozillaRoot = unhex("c8a80e9afaef4e219b6fb5d7a71d0f101223bac5001ac28f9b0d43dc59a106db")

// Source is where a set comes from.
type Source struct {
	Named string // as the user wrote it
	// Exactly one of the following is set: the address of a Remote Settings server,
	// with its version; that of a manifest; a directory.
	server, manifest, dir string
	attachments           string   // of server; "" means that it is asked
	root                  [32]byte // SHA-256 of the certificate that signs for server
}

// ParseSource reads what the user names: "mozilla", "upki", the address of a
// Remote Settings server ("https://host/v1") or of a manifest
// ("https://host/…/manifest.json"), or a directory. root, if it is not zero,
// is the SHA-256 of the root certificate that signs for the server; else it is
// Mozilla's.
func ParseSource(s string, root [32]byte) (Source, error) {
	if root == [32]byte{} {
		root = mozillaRoot
	}
	switch {
	case s == "mozilla":
		return Source{Named: s, server: mozillaServer, attachments: mozillaAttachments, root: root}, nil
	case s == "upki":
		return Source{Named: s, manifest: upkiManifest}, nil
	case strings.Contains(s, "://"):
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return Source{}, fmt.Errorf("%q is no address of a server or manifest", s)
		}
		if path.Base(u.Path) == "manifest.json" {
			return Source{Named: s, manifest: s}, nil
		}
		return Source{Named: s, server: strings.TrimRight(s, "/"), root: root}, nil
	}
	st, err := os.Stat(s)
	if err != nil || !st.IsDir() {
		return Source{}, fmt.Errorf("%q is neither mozilla nor upki, nor an address, nor a directory", s)
	}
	return Source{Named: s, dir: s}, nil
}

// Own reports whether an address is of the host that the user named. Others come
// from what that host says, unsigned: they may lead to public addresses only, or a
// server could have this machine ask its neighbours.
func (s *Source) Own(address string) bool {
	named, err := url.Parse(s.server + s.manifest)
	if err != nil {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && named.Hostname() != "" && u.Hostname() == named.Hostname()
}

// Get downloads a file of at most limit bytes. An error means that it could not
// be had.
type Get func(ctx context.Context, url string, limit int64) ([]byte, error)

// ErrUnreachable wraps what Get returned.
var ErrUnreachable = errors.New("cannot be fetched")

// ErrNotAuthentic is returned for what was fetched and is not what its publisher
// signed, or is older than what is stored.
var ErrNotAuthentic = errors.New("not authentic")

// offer is a set that a source offers: what its files are, and how to get them.
type offer struct {
	info    Info
	sources []string // parallel to info.Filters: an address, or a path
	oneCRL  []byte   // the records, JSON; nil if the source has none
}

// offer asks the source for its set, verifies what is signed, and downloads no
// filter yet.
func (s *Source) offer(ctx context.Context, get Get, now time.Time) (*offer, error) {
	o := &offer{info: Info{Version: 1, Source: s.Named, Fetched: now.UTC()}}
	switch {
	case s.server != "":
		return o, s.fromServer(ctx, get, now, o)
	case s.manifest != "":
		return o, s.fromManifest(ctx, get, o)
	}
	return o, s.fromDirectory(o)
}

func (s *Source) fromServer(ctx context.Context, get Get, now time.Time, o *offer) error {
	o.info.Authentic = BySignature
	list, err := s.collection(ctx, get, now, "cert-revocations")
	if err != nil {
		return err
	}
	o.info.Timestamp = list.Timestamp
	records, err := crlite.FilterRecords(list.Records)
	if err != nil {
		return err
	}
	chain, err := crlite.Chain(records, "default")
	if err != nil {
		return err
	}
	base := s.attachments
	if base == "" {
		if base, err = s.attachmentsOf(ctx, get); err != nil {
			return err
		}
	}
	for _, r := range chain {
		if r.Size > maxFilterSize || len(o.info.Filters) == maxFilters {
			return fmt.Errorf("%w: more than %d filters, or one of more than %d bytes", ErrNotAuthentic, maxFilters, maxFilterSize)
		}
		o.info.Filters = append(o.info.Filters, File{Name: r.Name, SHA256: hex.EncodeToString(r.SHA256[:]), Size: r.Size, Made: r.Made})
		o.sources = append(o.sources, strings.TrimRight(base, "/")+"/"+strings.TrimLeft(r.Location, "/"))
	}
	onecrl, err := s.collection(ctx, get, now, "onecrl")
	if err != nil {
		return err
	}
	o.oneCRL, o.info.OneCRLTime = onecrl.Records, onecrl.Timestamp
	return nil
}

// attachmentsOf asks a server where its attachments are.
func (s *Source) attachmentsOf(ctx context.Context, get Get) (string, error) {
	b, err := get(ctx, s.server+"/", maxListSize)
	if err != nil {
		return "", fmt.Errorf("%s %w: %w", s.server+"/", ErrUnreachable, err)
	}
	var root struct {
		Capabilities struct {
			Attachments struct {
				BaseURL string `json:"base_url"`
			}
		}
	}
	if err := json.Unmarshal(b, &root); err != nil || !strings.HasPrefix(root.Capabilities.Attachments.BaseURL, "http") {
		return "", fmt.Errorf("%w: %s does not say where its attachments are", ErrNotAuthentic, s.server)
	}
	return root.Capabilities.Attachments.BaseURL, nil
}

func (s *Source) fromManifest(ctx context.Context, get Get, o *offer) error {
	o.info.Authentic = ByTLS
	b, err := get(ctx, s.manifest, maxListSize)
	if err != nil {
		return fmt.Errorf("%s %w: %w", s.manifest, ErrUnreachable, err)
	}
	if o.info.Filters, err = parseManifest(b); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotAuthentic, s.manifest, err)
	}
	base := strings.TrimSuffix(s.manifest, "manifest.json")
	for _, f := range o.info.Filters {
		o.sources = append(o.sources, base+f.Name)
	}
	o.info.Timestamp = uint64(o.info.Newest().UnixMilli())
	return nil
}

// fromDirectory takes the filters of a directory: those that upki's index or a
// manifest names, or else all files that are filters, and a OneCRL.
func (s *Source) fromDirectory(o *offer) error {
	o.info.Authentic = ByDirectory
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var names []string
	if i, err := readUpki(s.dir); err == nil {
		for _, f := range i.Filters {
			names = append(names, f.Name)
		}
	}
	for _, e := range entries {
		if len(entries) > 4*maxFilters {
			return fmt.Errorf("the directory %s has more than %d files", s.dir, 4*maxFilters)
		}
		full := filepath.Join(s.dir, e.Name())
		st, err := os.Stat(full)
		if err != nil || !st.Mode().IsRegular() || st.Size() > maxFilterSize || len(names) > 0 && !slices.Contains(names, e.Name()) && !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		b, err := readBounded(full, maxFilterSize)
		if err != nil {
			return err
		}
		if strings.HasSuffix(e.Name(), ".json") {
			if _, err := crlite.ParseOneCRL(b); err == nil && e.Name() != "manifest.json" {
				o.oneCRL, o.info.OneCRLTime = b, uint64(st.ModTime().UnixMilli())
			}
			continue
		}
		f, err := crlite.Open(b)
		if errors.Is(err, crlite.ErrVersion) && len(names) == 0 {
			continue // some other file
		}
		if err != nil {
			return fmt.Errorf("%s: %w", full, err)
		}
		made := MadeFrom(e.Name())
		if made.IsZero() {
			made = time.UnixMilli(int64(min(f.Latest(), 253402300799999))).UTC()
		}
		sum := sha256.Sum256(b)
		o.info.Filters = append(o.info.Filters, File{Name: e.Name(), SHA256: hex.EncodeToString(sum[:]), Size: st.Size(), Made: made})
		o.sources = append(o.sources, full)
	}
	if len(o.info.Filters) == 0 && o.oneCRL == nil {
		return fmt.Errorf("the directory %s has neither CRLite filters nor OneCRL", s.dir)
	}
	return nil
}

func validHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

func unhex(s string) (h [32]byte) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		panic("not a SHA-256")
	}
	return [32]byte(b)
}
