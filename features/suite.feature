Feature: All scenarios are run and judged together

  Scenario: A suite has a row and a page for every scenario
    Given a folder with the scenarios "usdt-cliff-9m" and "exchange-restart-short"
    When tse suite is typed for the folder with two jobs
    Then it ends with code 0
    And there is a row for each, with its latency against its deadline and its twin
    And a page joins the pages of all
