package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The parts of CycloneDX 1.6 that we write.
type bom struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licences   []licence  `json:"licenses,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type licence struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

func sbomCommand(out, licencesFile, platform string, files []string, at time.Time) error {
	b, err := os.ReadFile(licencesFile)
	if err != nil {
		return err
	}
	var licences map[string][]string
	if err := json.Unmarshal(b, &licences); err != nil {
		return fmt.Errorf("%s: %w", licencesFile, err)
	}
	made, err := makeBOM(files, platform, licences, at)
	if err != nil {
		return err
	}
	if b, err = json.MarshalIndent(made, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(out, append(b, '\n'), 0o644)
}

// makeBOM says what the programs in files are made of: the build information that Go puts into each names
// every linked module with its version and its checksum.
func makeBOM(files []string, platform string, licences map[string][]string, at time.Time) (*bom, error) {
	parts := map[string]component{}
	deps := map[string][]string{}
	var top component
	digest := sha256.New()
	for i, file := range files {
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		digest.Write(sum[:])
		c := moduleComponent(&info.Main, licences)
		c.Type, c.Name = "application", strings.TrimSuffix(filepath.Base(file), ".exe")
		c.Ref = c.Name
		c.PURL += "#" + strings.TrimPrefix(info.Path, info.Main.Path+"/")
		c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum[:])}}
		for _, s := range info.Settings {
			if strings.HasPrefix(s.Key, "vcs.") || s.Key == "GOOS" || s.Key == "GOARCH" {
				c.Properties = append(c.Properties, property{"go:" + s.Key, s.Value})
			}
		}
		parts[c.Ref] = c
		deps["release"] = append(deps["release"], c.Ref)
		std := component{Type: "library", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go"), PURL: "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go")}
		std.Ref, std.Licences = std.PURL, spdx(licences["std"])
		used := []component{std}
		for _, m := range info.Deps {
			used = append(used, moduleComponent(m, licences))
		}
		for _, u := range used {
			parts[u.Ref] = u
			deps[c.Ref] = append(deps[c.Ref], u.Ref)
		}
		if i == 0 {
			top = component{Type: "application", Ref: "release", Name: "assay", Version: strings.TrimPrefix(info.Main.Version, "v"), Licences: c.Licences,
				Properties: []property{{"platform", platform}}}
		}
	}
	id := digest.Sum(nil)[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // a UUID of version 8: made of the content, so that it is the same for the same files
	made := &bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Serial:   fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
		Metadata: metadata{at.Format(time.RFC3339), top},
	}
	for _, ref := range slices.Sorted(maps.Keys(parts)) {
		made.Components = append(made.Components, parts[ref])
	}
	for _, ref := range slices.Sorted(maps.Keys(deps)) {
		slices.Sort(deps[ref])
		made.Dependencies = append(made.Dependencies, dependency{ref, slices.Compact(deps[ref])})
	}
	return made, nil
}

func moduleComponent(m *debug.Module, licences map[string][]string) component {
	path := m.Path
	if m.Replace != nil && m.Replace.Version != "" {
		m = m.Replace
	}
	c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B"), Licences: spdx(licences[path])}
	c.Ref = c.PURL
	if m.Sum != "" {
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}

func spdx(ids []string) (out []licence) {
	for _, id := range ids {
		var l licence
		l.Licence.ID = id
		out = append(out, l)
	}
	return out
}
