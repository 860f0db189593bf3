package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/policy"
)

func TestPermutation(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 4, 5, 15, 16, 17, 100, 1000, 65536, 65537} {
		p := NewPermutation(n, Seed{1})
		seen := make([]bool, n)
		for i := range n {
			at := p.At(i)
			if at >= n || seen[at] {
				t.Fatalf("%d of %d is at %d, which is not free", i, n, at)
			}
			seen[at] = true
		}
	}
	// Another seed is another order, and neighbours are far from each other.
	const n = 1 << 20
	p, q := NewPermutation(n, Seed{1}), NewPermutation(n, Seed{2})
	same, near := 0, 0
	for i := range uint64(10000) {
		if p.At(i) == q.At(i) {
			same++
		}
		if d := int64(p.At(i)) - int64(p.At(i+1)); d > -256 && d < 256 {
			near++
		}
	}
	if same > 5 || near > 30 { // 0.01 and 5 are expected by chance
		t.Errorf("%d places are the same under another seed, %d neighbours stay neighbours", same, near)
	}
	NewPermutation(1<<62, Seed{}).At(1<<62 - 1)
}

func TestDone(t *testing.T) {
	const targets, batch = 1003, 10
	d := NewDone(targets, batch)
	missing := func() (n int) {
		for k, left := range d.Missing(0) {
			if left == nil {
				n += d.Size(k)
			}
			n += len(left)
		}
		return n
	}
	if missing() != targets {
		t.Fatalf("%d are missing", missing())
	}
	for k := range uint64(90) {
		if err := d.Whole(k); err != nil {
			t.Fatal(err)
		}
		d.Whole(k) // again changes nothing
	}
	for _, i := range []int{3, 5, 3} {
		fresh, err := d.Add(95, i)
		if err != nil || fresh != (d.Count() == 901 && i == 3 || i == 5) {
			t.Errorf("position %d: %v %v", i, fresh, err)
		}
	}
	if d.Count() != 902 || missing() != 101 || d.All() {
		t.Errorf("%d are done, %d are missing", d.Count(), missing())
	}
	for k, left := range d.Missing(95) {
		if want := []int{0, 1, 2, 4, 6, 7, 8, 9}; k != 95 || !slices.Equal(left, want) {
			t.Errorf("batch %d lacks %v", k, left)
		}
		break
	}
	for k := range d.Missing(0) {
		for i := range d.Size(k) {
			d.Add(k, i)
		}
	}
	if !d.All() || missing() != 0 || len(d.parts) != 0 {
		t.Errorf("%d are done, %d are missing, %d parts", d.Count(), missing(), len(d.parts))
	}
	for _, c := range []struct {
		k uint64
		i int
	}{{101, 0}, {0, 10}, {100, 3}, {0, -1}, {1 << 63, 0}} {
		if _, err := d.Add(c.k, c.i); err == nil {
			t.Errorf("batch %d, position %d is taken", c.k, c.i)
		}
	}
}

func manifest(t testing.TB, dir string, made *Listed) *Manifest {
	t.Helper()
	m := &Manifest{Version: ManifestVersion, Batch: 10, Seed: strings.Repeat("0f", 16), Counts: made.Counts, SHA256: made.SHA256, Sources: made.Sources}
	m.ID, _ = NewID()
	p := policy.Policy{CT: policy.CTRequire}
	m.Policy, m.Hash = p, fmt.Sprintf("%x", p.Hash())
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestManifest(t *testing.T) {
	dir, made, _ := list(t, "a.example\nb.example\n", ListOptions{})
	m := manifest(t, dir, made)
	back, err := ReadManifest(dir)
	if err != nil || !reflect.DeepEqual(m, back) {
		t.Fatalf("%v\n%+v\n%+v", err, m, back)
	}
	good, _ := json.Marshal(m)
	for name, change := range map[string]func(map[string]any){
		"version": func(x map[string]any) { x["version"] = 2 }, "id": func(x map[string]any) { x["id"] = "../../x" },
		"seed": func(x map[string]any) { x["seed"] = "00" }, "batch": func(x map[string]any) { x["batch"] = 0 },
		"large": func(x map[string]any) { x["batch"] = MaxBatch + 1 }, "unknown": func(x map[string]any) { x["rule"] = true },
		"policy": func(x map[string]any) { x["policy"] = map[string]any{"ct": "off"} }, "hash": func(x map[string]any) { x["targets_sha256"] = "abc" },
	} {
		var members map[string]any
		json.Unmarshal(good, &members)
		change(members)
		b, _ := json.Marshal(members)
		if _, err := ParseManifest(b); err == nil {
			t.Errorf("%s: a changed manifest is taken", name)
		}
	}
	if _, err := ParseManifest(append(good, '{')); err == nil {
		t.Error("a manifest with something behind it is taken")
	}
}

// A job goes on with the list that it began with, or not at all.
func TestListChanged(t *testing.T) {
	name := filepath.Join(t.TempDir(), "hosts.txt")
	os.WriteFile(name, []byte("a.example\nb.example\n"), 0o600)
	f, _ := os.Open(name)
	defer f.Close()
	dir := t.TempDir()
	made, err := CreateList(dir, []Input{{name, f}}, ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := manifest(t, dir, made)
	if err := m.CheckLists(dir); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(name, []byte("a.example\nc.example\n"), 0o600)
	if err := m.CheckLists(dir); !errors.Is(err, ErrListChanged) {
		t.Errorf("another list: %v", err)
	}
	os.Remove(name)
	if err := m.CheckLists(dir); err != nil {
		t.Errorf("the list is gone, and the job has its own: %v", err)
	}
	own := filepath.Join(dir, TargetsFile)
	os.WriteFile(own, []byte("a.example\nc.example\n"), 0o600)
	if err := m.CheckLists(dir); !errors.Is(err, ErrListChanged) {
		t.Errorf("the job's own list: %v", err)
	}
}

// The batches of a job have every line once, whatever was done before.
func TestBatches(t *testing.T) {
	var text strings.Builder
	for i := range 57 {
		fmt.Fprintf(&text, "h%d.example\n", i)
	}
	dir, made, lines := list(t, text.String(), ListOptions{})
	m := manifest(t, dir, made)
	r, err := OpenReader(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for k := range m.Batches() {
		b, err := r.Batch(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeBatch(b.Encode())
		if err != nil || !reflect.DeepEqual(b, back) {
			t.Fatalf("%v: %+v, want %+v", err, back, b)
		}
		one, err := r.Batch(k, []int{2})
		if err != nil || one.Lines[0] != b.Lines[2] || !reflect.DeepEqual(one, b.Only(2)) {
			t.Errorf("%v: %+v of %+v", err, one, b)
		}
		got = append(got, b.Lines...)
	}
	if slices.Equal(got, lines) {
		t.Error("the order of the list is kept")
	}
	slices.Sort(got)
	slices.Sort(lines)
	if !slices.Equal(got, lines) {
		t.Errorf("%v\nwant\n%v", got, lines)
	}
	if _, err := r.Batch(m.Batches(), nil); err == nil {
		t.Error("a batch behind the last")
	}
}

func FuzzBatch(f *testing.F) {
	b := Batch{Number: 7, Size: 3, Positions: []int{0, 2}, Lines: []string{"a.example", "b.example"}}
	f.Add(b.Encode())
	f.Fuzz(func(t *testing.T, msg []byte) {
		b, err := DecodeBatch(msg)
		if err != nil {
			return
		}
		back, err := DecodeBatch(b.Encode())
		if err != nil || !reflect.DeepEqual(b, back) || len(b.Lines) > b.Size || b.Size > MaxBatch {
			t.Fatalf("%v: %+v, want %+v", err, back, b)
		}
	})
}

func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	made, err := CreateList(dir, []Input{{"x", strings.NewReader("a.example\n")}}, ListOptions{})
	if err != nil {
		f.Fatal(err)
	}
	b, _ := json.Marshal(manifest(f, dir, made))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		NewDone(min(m.Counts.Targets, 1000), m.Batch)
		m.Order()
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseManifest(again); err != nil {
			t.Fatalf("%v: %s", err, again)
		}
	})
}

func FuzzExclusions(f *testing.F) {
	f.Add([]byte("a.example\n192.0.2.0/24\n# x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := ParseExclusions(b); err == nil {
			e.Name("x.example")
		}
	})
}
