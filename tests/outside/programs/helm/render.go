// Renders a chart as `helm template` does, as far as ours needs it, for machines without Helm: the same template language and
// the same functions (sprig), Helm's own few beside them.
//
//	render <chart> <release> <namespace> [<values>]
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type values = map[string]interface{}

// The files of a chart, as `.Files` shows them.
type files struct{ folder string }

func (f files) Get(name string) string { return read(filepath.Join(f.folder, name)) }

func main() {
	log.SetFlags(0)
	if len(os.Args) < 4 {
		log.Fatal("usage: render <chart> <release> <namespace> [<values>]")
	}
	chart, release, namespace := os.Args[1], os.Args[2], os.Args[3]
	all := parse(filepath.Join(chart, "values.yaml"))
	if len(os.Args) > 4 {
		merge(all, parse(os.Args[4]))
	}
	scope := values{
		"Values":  all,
		"Chart":   capitalised(parse(filepath.Join(chart, "Chart.yaml"))),
		"Release": values{"Name": release, "Namespace": namespace, "Service": "Helm"},
		"Files":   files{chart},
	}
	templates := load(chart)
	for _, each := range templates.Templates() {
		if strings.HasSuffix(each.Name(), ".yaml") {
			fmt.Printf("---\n# Source: %s\n%s\n", each.Name(), execute(templates, each.Name(), scope))
		}
	}
	// Read by people: it must render, and is no manifest.
	execute(templates, "NOTES.txt", scope)
}

func load(chart string) *template.Template {
	root := template.New("chart").Option("missingkey=error")
	functions := sprig.TxtFuncMap()
	functions["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		check(err)
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["include"] = func(name string, scope interface{}) string { return execute(root, name, scope) }
	root.Funcs(functions)
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	check(err)
	for _, path := range paths {
		template.Must(root.New(filepath.Base(path)).Parse(read(path)))
	}
	return root
}

func execute(templates *template.Template, name string, scope interface{}) string {
	var text bytes.Buffer
	check(templates.ExecuteTemplate(&text, name, scope))
	return text.String()
}

func read(path string) string {
	text, err := os.ReadFile(path)
	check(err)
	return string(text)
}

func parse(path string) values {
	parsed := values{}
	check(yaml.Unmarshal([]byte(read(path)), &parsed))
	return parsed
}

// Maps are merged, everything else is replaced; null removes.
func merge(into, from values) {
	for key, value := range from {
		below, isMap := value.(values)
		own, wasMap := into[key].(values)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && wasMap:
			merge(own, below)
		default:
			into[key] = value
		}
	}
}

// `name` of Chart.yaml is `.Chart.Name` in templates.
func capitalised(chart values) values {
	named := values{}
	for key, value := range chart {
		named[strings.ToUpper(key[:1])+key[1:]] = value
	}
	return named
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
