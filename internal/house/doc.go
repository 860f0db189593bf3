// Package house holds the house's own rules as tests, and nothing else: which
// package may import which, the records of the public API, what the sources may
// not contain, and that the documents and the package comments say what the code
// does. Its tests run in the directory of the module's root.
package house
