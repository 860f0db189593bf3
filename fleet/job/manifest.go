package job

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/assaytls/assay/policy"
)

// ManifestVersion is the version of the manifest's form. A program refuses the
// jobs of another one: half of a scan by other rules is worse than none.
const ManifestVersion = 1

// MaxManifest bounds the octets of a manifest.
const MaxManifest = 1 << 20

// Manifest says what a job is: by it the job goes on after an interruption, and
// workers elsewhere know by which rules they judge. It holds no secret.
type Manifest struct {
	Version int       `json:"version"`
	ID      string    `json:"id"` // 16 hex digits, by chance
	Created time.Time `json:"created"`
	Assay   string    `json:"assay"` // version of the program that began it

	Sources []Source `json:"sources"` // the lists as they were given
	Counts  Counts   `json:"counts"`
	SHA256  string   `json:"targets_sha256"` // of the job's own list
	Batch   int      `json:"batch"`          // targets in a batch
	Seed    string   `json:"seed"`           // of the order, 32 hex digits

	Policy  policy.Policy `json:"policy"`
	Hash    string        `json:"policy_hash"` // of the policy in force, as in every row
	Anchors string        `json:"anchors"`     // SHA-256 of the trust anchors, hex
	Logs    string        `json:"log_list,omitempty"`
	Exclude string        `json:"exclude_sha256,omitempty"` // of ExcludeFile, hex

	// Flags are those of the command line that decide how targets are reached and
	// judged, as they were given: "name=value".
	Flags []string `json:"flags"`
}

// NewID returns a name for a job, and a seed for its order.
func NewID() (id string, seed Seed) {
	var b [8]byte
	rand.Read(b[:])
	rand.Read(seed[:])
	return hex.EncodeToString(b[:]), seed
}

// Order is the order in which the job's list is probed.
func (m *Manifest) Order() *Permutation {
	seed, _ := m.seed() // Validate has read it
	return NewPermutation(m.Counts.Targets, seed)
}

func (m *Manifest) seed() (s Seed, err error) {
	b, err := hex.DecodeString(m.Seed)
	if err != nil || len(b) != len(s) {
		return s, errors.New("the seed is not 32 hex digits")
	}
	return Seed(b), nil
}

// Batches is how many batches the job has.
func (m *Manifest) Batches() uint64 { return Batches(m.Counts.Targets, m.Batch) }

// Validate reports what makes m no manifest.
func (m *Manifest) Validate() error {
	if m.Version != ManifestVersion {
		return fmt.Errorf("it has version %d, and this program knows version %d", m.Version, ManifestVersion)
	}
	if err := CheckID(m.ID); err != nil {
		return err
	}
	if _, err := m.seed(); err != nil {
		return err
	}
	if m.Batch < 1 || m.Batch > MaxBatch {
		return fmt.Errorf("batches of %d targets; 1 to %d are possible", m.Batch, MaxBatch)
	}
	if m.Counts.Targets > MaxTargets {
		return fmt.Errorf("more than %d targets", int64(MaxTargets))
	}
	for _, h := range []string{m.SHA256, m.Hash, m.Anchors, m.Logs, m.Exclude} {
		if b, err := hex.DecodeString(h); err != nil || len(b) != sha256.Size && len(b) != 0 {
			return fmt.Errorf("%.80q is not a SHA-256", h)
		}
	}
	if got := fmt.Sprintf("%x", m.Policy.Hash()); got != m.Hash {
		return errors.New("the policy is not the one whose hash it has: another version of assay began the job, or the manifest was changed")
	}
	return nil
}

// CheckID wants the name of a job: 16 hex digits.
func CheckID(id string) error {
	if b, err := hex.DecodeString(id); err != nil || len(b) != 8 || hex.EncodeToString(b) != id {
		return fmt.Errorf("%.80q is not the name of a job: 16 hex digits", id)
	}
	return nil
}

// ParseManifest reads a manifest. Members that are not known are an error: they
// would be rules that are not followed.
func ParseManifest(b []byte) (*Manifest, error) {
	if len(b) > MaxManifest {
		return nil, fmt.Errorf("it has more than %d octets", MaxManifest)
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(b, &version); err == nil && version.Version != ManifestVersion {
		return nil, (&Manifest{Version: version.Version}).Validate()
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	m := &Manifest{}
	if err := d.Decode(m); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the manifest")
	}
	return m, m.Validate()
}

// ReadManifest reads the manifest in a job's folder.
func ReadManifest(dir string) (*Manifest, error) {
	name := filepath.Join(dir, ManifestFile)
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxManifest+1))
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Write puts the manifest into a job's folder: all of it or nothing.
func (m *Manifest) Write(dir string) error {
	if err := m.Validate(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(dir, ManifestFile), append(b, '\n'))
}

// WriteFile writes a file of a job's folder: all of it or nothing, also when the
// machine stops.
func WriteFile(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails when it has its final name
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes the names in a folder durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	d.Sync() // some file systems cannot
	return nil
}

// ErrListChanged is wrapped by errors about a list that is not the one with which
// the job began.
var ErrListChanged = errors.New("the list has changed")

// CheckLists compares the lists with what the manifest tells of them: the job's own
// list, which must be the very one, and the files that it was made of, as far as
// they are still there.
func (m *Manifest) CheckLists(dir string) error {
	l, err := OpenList(dir, m.Counts.Targets)
	if err != nil {
		return err
	}
	defer l.Close()
	sum, err := l.Hash()
	if err != nil {
		return err
	}
	if sum != m.SHA256 {
		return fmt.Errorf("%s: %w since the job began; its order and what is done rest on it", filepath.Join(dir, TargetsFile), ErrListChanged)
	}
	for _, s := range m.Sources {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

// check compares a list with what was read of it. One that is gone, or that was no
// file, is not missed: the job has its own.
func (s *Source) check() error {
	st, err := os.Stat(s.Name)
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(s.Name)
	if err != nil {
		return nil
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if n != s.Octets || hex.EncodeToString(h.Sum(nil)) != s.SHA256 {
		return fmt.Errorf("%s: %w since the job began", s.Name, ErrListChanged)
	}
	return nil
}
