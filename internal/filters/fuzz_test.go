package filters

import "testing"

// FuzzIndexAndManifest: no text makes the readers panic, and no name that they
// return leaves its directory.
func FuzzIndexAndManifest(f *testing.F) {
	f.Add([]byte("upkiidx1\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte(`{"generated_at":1,"files":[{"filename":"a","size":1,"hash":"` + "0000000000000000000000000000000000000000000000000000000000000000" + `"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		names, _ := upkiNames(b)
		files, _ := parseManifest(b)
		for _, f := range files {
			names = append(names, f.Name)
		}
		for _, n := range names {
			if !validName(n) {
				t.Errorf("%q", n)
			}
		}
	})
}
