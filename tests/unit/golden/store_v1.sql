-- A store of schema version 1 as logboom 0.1 wrote it (sqlite3 FILE .dump), with one gap added. Never to be changed: such files are about.
PRAGMA application_id=1819240290; PRAGMA user_version=1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('created','2026-11-26T00:26:35Z');
INSERT INTO meta VALUES('schema_by','logboom 0.1.0');
CREATE TABLE publisher(
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE);
INSERT INTO publisher VALUES(0,X'00000000000000000000000000000000');
INSERT INTO publisher VALUES(1,X'1355e59f10b8b1ec212136af87c81330');
INSERT INTO publisher VALUES(2,X'2e7fd4add50d386b073f6cc455e8963b');
INSERT INTO publisher VALUES(3,X'e0e9c6e9fc8feb3df2fb4ca6729dfe88');
CREATE TABLE site(
  id INTEGER PRIMARY KEY,
  logger TEXT NOT NULL,
  level INTEGER NOT NULL,
  level_name TEXT NOT NULL,
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  function TEXT NOT NULL,
  template TEXT NOT NULL,
  UNIQUE(logger, line, level, file, function, template, level_name));
INSERT INTO site VALUES(1,'backup.disk',40,'ERROR','',0,'','');
INSERT INTO site VALUES(2,'etl',30,'WARNING','',0,'','');
INSERT INTO site VALUES(3,'lines',20,'INFO','',0,'','');
INSERT INTO site VALUES(4,'burst',20,'INFO','../../tests/system/workers/burst.cpp',93,'operator()','record {i} of thread {t}');
INSERT INTO site VALUES(5,'app',35,'','a.py',9,'f','');
CREATE TABLE source(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  host TEXT NOT NULL,
  process TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  tid INTEGER NOT NULL,
  thread TEXT NOT NULL,
  UNIQUE(publisher_id, stream, tid, pid, started, host, process, thread));
INSERT INTO source VALUES(1,1,'vm','logboom',20219,1795652796142108863,1,20219,'logboom');
INSERT INTO source VALUES(2,2,'vm','logboom',20225,1795652796161330232,1,20225,'logboom');
INSERT INTO source VALUES(3,3,'vm','burst',20231,1795652796181533022,1,20233,'burst');
INSERT INTO source VALUES(4,0,'other','p',7,0,0,8,'t');
CREATE TABLE record(
  id INTEGER PRIMARY KEY,
  created INTEGER NOT NULL,
  level INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  source_id INTEGER NOT NULL REFERENCES source(id),
  sequence INTEGER,
  message TEXT NOT NULL,
  fields TEXT,
  exception_type TEXT,
  exception TEXT,
  stack TEXT,
  task TEXT,
  attributes TEXT);
INSERT INTO record VALUES(1,1795652796147130176,40,1,1,1,'no space left','{"disk":"sda1","free":12}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(2,1795652796164835264,30,2,2,1,'structured ü','{"rows":7}',NULL,'Traceback: x',NULL,'load',NULL);
INSERT INTO record VALUES(3,1795652796166166300,20,3,2,2,'plain line',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(4,1795652796186551301,20,4,3,1,'record 1 of thread 0','{"i":1,"t":0,"text":""}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(5,1795652796186566549,20,4,3,2,'record 2 of thread 0','{"i":2,"t":0,"text":""}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(6,1795652796186566740,20,4,3,3,'record 3 of thread 0','{"i":3,"t":0,"text":""}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(7,1795168800000000000,35,5,4,NULL,'by hand','{"deep":{"a":[1,2,{"b":null}]}}',NULL,NULL,'at 1',NULL,NULL);
CREATE TABLE ledger(
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY(publisher_id, stream)) WITHOUT ROWID;
INSERT INTO ledger VALUES(1,1,1);
INSERT INTO ledger VALUES(2,1,2);
INSERT INTO ledger VALUES(3,1,3);
CREATE TABLE gap(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  created INTEGER NOT NULL,
  reason TEXT NOT NULL);
INSERT INTO gap VALUES(1,1,0,2,9,1795168800000000000,'lost on the way');
CREATE TABLE minute(
  minute INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  n INTEGER NOT NULL,
  PRIMARY KEY(minute, site_id)) WITHOUT ROWID;
INSERT INTO minute VALUES(29919480,5,1);
INSERT INTO minute VALUES(29927546,1,1);
INSERT INTO minute VALUES(29927546,2,1);
INSERT INTO minute VALUES(29927546,3,1);
INSERT INTO minute VALUES(29927546,4,3);
CREATE INDEX record_created_level ON record(created, level);
CREATE VIEW records AS SELECT
  r.id AS id,
  r.created AS created,
  strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000000 - (r.created % 1000000000 < 0), 'unixepoch')
    || printf('.%09dZ', (r.created % 1000000000 + 1000000000) % 1000000000) AS time,
  r.level AS level,
  CASE ifnull(s.level_name, '') WHEN '' THEN 'Level ' || r.level ELSE s.level_name END AS level_name,
  ifnull(s.logger, '') AS logger,
  r.message AS message,
  r.fields AS fields,
  ifnull(o.host, '') AS host,
  ifnull(o.process, '') AS process,
  ifnull(o.pid, 0) AS pid,
  ifnull(o.thread, '') AS thread,
  ifnull(o.tid, 0) AS tid,
  ifnull(s.file, '') AS file,
  ifnull(s.line, 0) AS line,
  ifnull(s.function, '') AS function,
  ifnull(s.template, '') AS template,
  r.exception_type AS exception_type,
  r.exception AS exception,
  r.stack AS stack,
  r.task AS task,
  r.attributes AS attributes,
  CASE ifnull(o.publisher_id, 0) WHEN 0 THEN NULL ELSE lower(hex(p.uuid)) END AS publisher,
  ifnull(o.started, 0) AS started,
  ifnull(o.stream, 0) AS stream,
  r.sequence AS sequence
FROM record r
  LEFT JOIN site s ON s.id = r.site_id
  LEFT JOIN source o ON o.id = r.source_id
  LEFT JOIN publisher p ON p.id = o.publisher_id;
CREATE VIEW logs AS SELECT
  strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000000 - (r.created % 1000000000 < 0), 'unixepoch', 'localtime')
    AS created,
  ifnull(s.logger, '') AS name,
  CASE ifnull(s.level_name, '') WHEN '' THEN 'Level ' || r.level ELSE s.level_name END AS level,
  r.message AS message,
  ifnull(o.host, '') AS hostname,
  CAST(ifnull(o.pid, 0) AS TEXT) AS process,
  CAST(ifnull(o.tid, 0) AS TEXT) AS thread
FROM record r
  LEFT JOIN site s ON s.id = r.site_id
  LEFT JOIN source o ON o.id = r.source_id;
COMMIT;
