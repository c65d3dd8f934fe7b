package crash_test

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// row is one row of the database; its columns by name, as text.
type row map[string]string

// tables are the rows of the database, by table.
type tables map[string][]row

// key is the row as it is.
func (r row) key() string {
	raw, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// readTables reads every table in one snapshot.
func (w *world) readTables(ctx context.Context) (tables, error) {
	tx, err := w.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	all := tables{}
	names, err := query(ctx, tx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`)
	for _, name := range names {
		rows, readErr := query(ctx, tx, `SELECT * FROM `+name["name"])
		all[name["name"]] = rows
		err = errors.Join(err, readErr)
	}
	return all, errors.Join(err, tx.Rollback())
}

func query(ctx context.Context, tx *sql.Tx, text string) (out []row, err error) {
	rows, err := tx.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		read := row{}
		for i, column := range columns {
			read[column] = asText(values[i])
		}
		out = append(out, read)
	}
	return out, rows.Err()
}

func asText(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case []byte:
		return fmt.Sprintf("%x", v)
	}
	return fmt.Sprint(value)
}

// since returns the rows that were not there before, as they are now.
func (all tables) since(before tables) tables {
	news := tables{}
	for table, rows := range all {
		old := map[string]bool{}
		for _, r := range before[table] {
			old[r.key()] = true
		}
		news[table] = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return old[r.key()] })
	}
	return news
}

// names replaces what each run calls otherwise by what it is: ids, and the slug.
func (r *scene) names(news tables) *strings.Replacer {
	var pairs []string
	call := func(id, name string) { pairs = append(pairs, id, name) }
	known := map[string]string{}
	for _, s := range news["site"] {
		known[s["id"]] = "<site>"
	}
	for _, d := range news["domain"] {
		known[d["id"]] = "<domain " + strings.ReplaceAll(d["hostname"], r.slug, "<slug>") + ">"
	}
	operations := slices.Clone(news["operation"])
	slices.SortStableFunc(operations, func(a, b row) int { return cmp.Compare(a["created_at"], b["created_at"]) })
	counts := map[string]int{}
	for _, o := range operations {
		of := o["kind"] + " of " + known[o["object_id"]]
		counts[of]++
		known[o["id"]] = fmt.Sprintf("<%s %d>", of, counts[of])
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		call(id, known[id])
	}
	call(r.slug, "<slug>")
	return strings.NewReplacer(pairs...)
}

// render writes what a run has left: rows, the files of nginx, and what the
// simulated Cloudflare holds.
func (r *scene) render(now tables) (string, error) {
	news := now.since(r.before)
	named := r.names(news)
	var out strings.Builder
	for _, table := range slices.Sorted(maps.Keys(news)) {
		for _, line := range normalRows(table, news[table], named) {
			fmt.Fprintf(&out, "%s %s\n", table, line)
		}
	}
	files, err := r.w.nginxFiles()
	if err != nil {
		return "", err
	}
	out.WriteString(normalFiles(named.Replace(files)))
	out.WriteString(named.Replace(string(r.w.cloudflare.Snapshot())))
	return out.String(), nil
}

// nginxFiles are the files that nginx runs, one after the other.
func (w *world) nginxFiles() (string, error) {
	dir, err := filepath.EvalSymlinks(w.path("edge", "current"))
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for line := range strings.Lines(string(content)) {
			fmt.Fprintf(&out, "%s: %s\n", entry.Name(), strings.TrimRight(line, "\n"))
		}
		return err
	})
	return out.String(), err
}
